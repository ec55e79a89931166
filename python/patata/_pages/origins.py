"""Where a link of a page may lead: to the origin that was asked, or to one that is named."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import SplitResult, urljoin, urlsplit

_PORTS = {"http": 80, "https": 443}


class Origins:
    """The origins that links may lead to, beside that of the request.

    Parameters
    ----------
    allowed
        Origins such as ``https://host``, or ``True`` for all.
    """

    __slots__ = ("_allowed", "_is_any")

    def __init__(self, allowed: bool | Iterable[str]) -> None:
        self._is_any = allowed is True
        if isinstance(allowed, str):
            allowed = (allowed,)
        given = () if isinstance(allowed, bool) else tuple(allowed)
        self._allowed = {_checked(origin) for origin in given}

    def resolved(self, link: str, base: str, asked: str) -> str:
        """The URL that a link leads to.

        Parameters
        ----------
        link
            An absolute or relative reference.
        base
            The URL of the page that it is on.
        asked
            That of the request, whose credentials the next one carries.

        Raises
        ------
        PermissionError
            Where it leads to another origin.
        ValueError
            For what is no URL.
        """
        url = urljoin(base, link.strip())
        target = _origin(urlsplit(url))
        if target is None:
            raise ValueError(f"{link!r} is no http:// or https:// URL")
        if self._is_any or target in self._allowed or _is_same(_origin(urlsplit(asked)), target):
            return url
        raise PermissionError(
            f"it leads to {_shown(target)}, another origin than that of the request, which would get the "
            f"credentials; allowed_origins={_shown(target)!r} allows it"
        )


Origin = tuple[str, str, int]


def _origin(parts: SplitResult) -> Origin | None:
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    return parts.scheme, parts.hostname.rstrip("."), parts.port or _PORTS[parts.scheme]


def _is_same(asked: Origin | None, target: Origin) -> bool:
    """Whether it is the same, or the same by TLS: which shows credentials to nobody else."""
    if asked == target:
        return True
    return (
        asked is not None
        and asked[1] == target[1]
        and (asked[0], asked[2], target[0], target[2])
        == (
            "http",
            80,
            "https",
            443,
        )
    )


def _checked(origin: object) -> Origin:
    found = _origin(urlsplit(origin)) if isinstance(origin, str) else None
    if found is None:
        raise ValueError(f"allowed_origins must be origins such as 'https://example.com', got {origin!r}")
    return found


def _shown(origin: Origin) -> str:
    scheme, host, port = origin
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}" if port == _PORTS[scheme] else f"{scheme}://{name}:{port}"
