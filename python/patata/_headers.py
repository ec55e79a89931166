"""The headers of a response: names in any case, repeats kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping


class Headers(Mapping[str, str]):
    """A mapping of names, in any case, to values. A name that came several times has its values joined by
    commas; :meth:`get_list` has them one by one.

    Parameters
    ----------
    pairs
        Names and values, in their order.

    Examples
    --------
    >>> headers = Headers([("Content-Type", "text/plain"), ("set-cookie", "a=1"), ("set-cookie", "b=2")])
    >>> headers["content-type"], headers["SET-COOKIE"], headers.get("absent")
    ('text/plain', 'a=1, b=2', None)
    >>> headers.get_list("Set-Cookie")
    ['a=1', 'b=2']
    >>> headers
    Headers([('content-type', 'text/plain'), ('set-cookie', 'a=1'), ('set-cookie', 'b=2')])
    """

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = [(name.lower(), value) for name, value in pairs]

    def get_list(self, name: str) -> list[str]:
        """All values of a name, in their order; none where it did not come."""
        wanted = name.lower()
        return [value for name, value in self._pairs if name == wanted]

    def multi_items(self) -> list[tuple[str, str]]:
        """All names, in lower case, and values, in the order in which they came.

        >>> Headers([("A", "1"), ("a", "2")]).multi_items()
        [('a', '1'), ('a', '2')]
        """
        return list(self._pairs)

    def __getitem__(self, name: str) -> str:
        values = self.get_list(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.get_list(name))

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self._pairs))

    def __len__(self) -> int:
        return len({name for name, _ in self._pairs})

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Headers):
            return sorted(self._pairs) == sorted(other._pairs)
        if isinstance(other, Mapping):
            return dict(self) == {str(name).lower(): value for name, value in other.items()}
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({self._pairs!r})"
