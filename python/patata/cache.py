"""A private HTTP cache on disk, as :class:`patata.Patata` takes it for ``cache``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from patata import _patata

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


class Cache:
    """A private HTTP cache after RFC 9111 in a folder, for any number of clients and processes at once.

    Responses to GET and HEAD are stored as servers allow it, and used as long as they are fresh; those that
    are stale are used once the server has said, by their ETag or Last-Modified, that they are still good. A
    process that is killed, and a disk that is full, harm nothing that is stored.

    Parameters
    ----------
    folder
        Where it is; it is made where there is none. Default: ``patata/http`` in the folder where the system
        keeps the user's caches.
    max_size
        How much room it may take on disk, about, in bytes or as ``"10GB"``: beyond that, what was stored
        first goes. At least 1 MB. Default: 10 GiB.

    Raises
    ------
    CacheError
        If the folder holds something else, or a cache of another version, or cannot be used.
    ValueError
        For what is no size or no path.

    Examples
    --------
    >>> import tempfile
    >>> from patata import Patata
    >>> from patata.testing import Server
    >>> folder = tempfile.TemporaryDirectory()
    >>> cache = Cache(folder.name, max_size="2GB")
    >>> with Server() as server, Patata(verbose=False, cache=cache, cache_mode="forever") as client:
    ...     [client.get(server.url).cache_status for _ in range(3)]
    ['sent', 'hit', 'hit']
    """

    def __init__(
        self, folder: str | os.PathLike[str] | None = None, *, max_size: int | str | None = None
    ) -> None:
        if folder is not None and not isinstance(folder, (str, os.PathLike)):
            raise ValueError(f"folder must be a path, got {folder!r}")
        self._max_size = None if max_size is None else _bytes(max_size)
        self._cache = _patata.Cache(None if folder is None else os.fspath(folder), self._max_size)

    @property
    def folder(self) -> Path:
        """Where it is."""
        return Path(self._cache.folder)

    def __repr__(self) -> str:
        size = "" if self._max_size is None else f", max_size={self._max_size}"
        return f"Cache({str(self.folder)!r}{size})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened, (str(self.folder), self._max_size)


def _opened(folder: str, max_size: int | None) -> Cache:
    return Cache(folder, max_size=max_size)


def _bytes(size: object) -> int:
    """A size in bytes, however it is said."""
    count = None
    if isinstance(size, int) and not isinstance(size, bool):
        count = size
    elif isinstance(size, str) and (found := _SIZE.fullmatch(size.strip())):
        base = 1024 if found[3] else 1000
        count = int(float(found[1]) * base ** _POWERS[found[2].lower()])
    if count is None or not 1_000_000 <= count < 2**63:
        raise ValueError(f"max_size must be a number of bytes of at least 1 MB, as '10GB', got {size!r}")
    return count
