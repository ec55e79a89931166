"""The accessor ``patata`` of pandas' data frames, ``frame.patata.fetch(...)``: importing this module adds it.

>>> import pandas as pd
>>> import patata.pandas
>>> from patata.testing import Server
>>> with Server() as server:
...     frame = pd.DataFrame({"url": [server.url] * 3}, index=["a", "b", "c"])
...     frame.patata.fetch(body="text")["status"].to_dict()
{'a': 200, 'b': 200, 'c': 200}
"""

from __future__ import annotations

from typing import Any

from patata._frames.options import ClientFetchOptions
from patata._installed import installed
from patata._options import Unpack
from patata.frames import fetch

pandas = installed("pandas", "frames")


@pandas.api.extensions.register_dataframe_accessor("patata")
class PatataAccessor:
    """What ``frame.patata`` is."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def fetch(self, url: str = "url", **options: Unpack[ClientFetchOptions]) -> Any:
        """Sends a request for each row of the frame, as :func:`patata.fetch` does."""
        return fetch(self._frame, url, **options)
