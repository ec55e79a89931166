"""The part of the table that says what connections are made with, and its checks.

The annotations are looked at at run time, so they are no texts here.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Protocol, TypedDict

from patata._options.option import Option, StrPath, Words


class IPAddress(Protocol):
    """One of the addresses of ``ipaddress``, which takes its time to be imported."""

    @property
    def packed(self) -> bytes:
        """Its bytes."""
        ...


def verification(name: str, value: object) -> bool | str:
    """Whether certificates are verified, or the path of the CA file they are verified with."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (str, os.PathLike)):
        return os.fsdecode(value)
    raise ValueError(f"{name} must be True, False or the path of a CA file, got {value!r}")


def certificate(name: str, value: object) -> tuple[str, str | None]:
    """The paths of a certificate and of its key, where that is a file of its own."""
    paths: tuple[Any, ...] = value if isinstance(value, tuple) and len(value) == 2 else (value,)
    if all(isinstance(path, (str, os.PathLike)) for path in paths):
        return os.fsdecode(paths[0]), os.fsdecode(paths[1]) if len(paths) == 2 else None
    raise ValueError(f"{name} must be the path of a PEM file, or two: (certificate, key), got {value!r}")


def tls_version(name: str, value: object) -> str:
    """A version of TLS."""
    if isinstance(value, str) and value in ("1.2", "1.3"):
        return value
    raise ValueError(f"{name} must be '1.2' or '1.3', got {value!r}")


def version_of_http(name: str, value: object) -> str:
    """A version of HTTP; ``None`` stands for the best that the server speaks."""
    if value is None:
        return "auto"
    if isinstance(value, str) and value in ("auto", "1.1", "2"):
        return value
    raise ValueError(f"{name} must be '1.1', '2', or None for the best of them, got {value!r}")


def proxy_url(name: str, value: object) -> str | bool:
    """A proxy's URL, or ``False`` for none; ``None`` stands for what the environment says."""
    if value is None:
        return True
    if isinstance(value, str) or value is False:
        return value
    # Not shown: there may be a password in it.
    kind = type(value).__name__
    raise ValueError(f"{name} must be a proxy's URL, False, or None for the environment's, got a {kind}")


def addresses(name: str, value: object) -> dict[str, list[str]]:
    """For each host its addresses, of which one may stand alone."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be a dict of hosts and addresses, got {value!r}")
    return {_host(name, host): _literals(name, host, given) for host, given in value.items()}


def _host(name: str, host: object) -> str:
    if isinstance(host, str):
        return host
    raise ValueError(f"{name} must be a dict whose keys are the names of hosts, got {host!r}")


def _literals(name: str, host: str, given: object) -> list[str]:
    several = given if isinstance(given, Iterable) and not isinstance(given, (str, bytes)) else [given]
    try:
        return [_literal(one) for one in several]
    except ValueError:
        raise ValueError(
            f"{name} must give {host!r} an IP address or a list of them, got {given!r}"
        ) from None


def _literal(address: object) -> str:
    # Few clients name addresses, and it takes its time to be imported.
    import ipaddress

    if not isinstance(address, (str, ipaddress.IPv4Address, ipaddress.IPv6Address)):
        raise ValueError
    return str(ipaddress.ip_address(address))


def path(name: str, value: object) -> str:
    """A path."""
    if isinstance(value, (str, os.PathLike)):
        return os.fsdecode(value)
    raise ValueError(f"{name} must be a path, got {value!r}")


class ConnectionOptions(TypedDict, total=False):
    """What connections are made with: the calls of a client share it, unless one has its own."""

    http_version: Annotated[
        Literal["auto", "1.1", "2"] | None,
        Option(
            version_of_http,
            default=None,
            doc="""
            The only version of HTTP that is spoken, ``"1.1"`` or ``"2"``; ``None`` (or ``"auto"``) for
            HTTP/2 where an https server offers it, else HTTP/1.1. ``"2"`` is spoken also over ``http://``,
            with prior knowledge.
            """,
        ),
    ]
    verify: Annotated[
        bool | StrPath,
        Option(
            verification,
            default=True,
            doc="""
            Whether the certificates of https servers are verified, or the path of what they are verified
            with. ``False`` accepts any, so that whoever sits in between can read all. A path is that of a
            PEM file: of the authorities to trust in place of the machine's, or of the server's own
            certificate.
            """,
        ),
    ]
    cert: Annotated[
        StrPath | tuple[StrPath, StrPath],
        Option(
            certificate,
            default=Words("none"),
            doc="""
            The client's certificate for servers that ask for one: the path of a PEM file that holds it and
            its key, not encrypted, or ``(certificate, key)``.
            """,
        ),
    ]
    min_tls_version: Annotated[
        Literal["1.2", "1.3"],
        Option(
            tls_version,
            default="1.2",
            doc='The oldest version of TLS that is spoken, ``"1.2"`` or ``"1.3"``.',
        ),
    ]
    proxy: Annotated[
        str | Literal[False] | None,
        Option(
            proxy_url,
            default=None,
            doc="""
            The URL of the proxy for all requests; ``False`` for none, ``None`` for those that the
            environment names. It begins with ``http://``, ``https://`` (TLS to the proxy), ``socks5://``,
            or ``socks5h://`` where the proxy looks the hosts' names up, and has ``user:password@``,
            percent-encoded, where the proxy wants that. The environment names proxies in ``HTTP_PROXY``,
            ``HTTPS_PROXY`` and ``ALL_PROXY``, save for the hosts in ``NO_PROXY`` (hosts, suffixes, CIDR,
            ``*`` for all); lower-case variables go before, and empty ones say nothing. A proxy's own 407 is
            a ``ProxyError``, not a response. No server sees a proxy's credentials.
            """,
        ),
    ]
    resolve: Annotated[
        Mapping[str, str | IPAddress | Iterable[str | IPAddress]],
        Option(
            addresses,
            default=Words("none"),
            doc="""
            Addresses of hosts whose names are then not looked up: ``{"host": "ip"}`` or ``{"host": ["ip",
            "ip"]}``.
            """,
        ),
    ]
    unix_socket: Annotated[
        StrPath,
        Option(
            path,
            default=Words("none"),
            doc="""
            The path of a unix socket that all connections go to, whatever the URL's host. For one request,
            a URL like ``http+unix://%2Fpath%2Fto.sock/`` does the same.
            """,
        ),
    ]
