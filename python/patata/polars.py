"""The namespace ``patata`` of Polars' frames, ``frame.patata.fetch(...)``: importing this module adds it.

>>> import polars as pl
>>> import patata.polars
>>> from patata.testing import Server
>>> with Server() as server:
...     frame = pl.DataFrame({"url": [server.url] * 3})
...     frame.patata.fetch(body="text")["status"].to_list()
[200, 200, 200]
"""

from __future__ import annotations

from typing import Any

from patata._frames.options import ClientFetchOptions
from patata._installed import installed
from patata._options import Unpack
from patata.frames import fetch

polars = installed("polars", "frames")


@polars.api.register_dataframe_namespace("patata")
@polars.api.register_lazyframe_namespace("patata")
class PatataNamespace:
    """What ``frame.patata`` is, of a ``DataFrame`` and of a ``LazyFrame``."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def fetch(self, url: str = "url", **options: Unpack[ClientFetchOptions]) -> Any:
        """Sends a request for each row of the frame, as :func:`patata.fetch` does."""
        return fetch(self._frame, url, **options)
