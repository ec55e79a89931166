"""Crawls: what to give as ``follow`` where pages link to others, and back.

>>> import re
>>> from patata import Patata, Request, crawl
>>> from patata.testing import Server
>>> def links(response):
...     # A site whose pages 0 to 9 link to one another.
...     page = int(response.request.url.rpartition("=")[2])
...     return [Request(None, f"{server.url}/?page={other % 10}") for other in (page + 1, page * 3)]
>>> with Server() as server, Patata(verbose=False) as client:
...     responses = client.http("get", [(None, server.url + "/?page=0")], follow=crawl.once(links))
...     sum(response.ok for response in responses)
10

The option ``robots`` says whether the ``robots.txt`` of hosts is obeyed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from patata._crawl.once import Once
from patata._options.checks import is_coroutine_function

if TYPE_CHECKING:
    from patata.models import Request, Response

__all__ = ["once"]

Found = Iterable["Request | tuple[Any, str] | tuple[Any, str, Any]"]
"""What a response leads to."""


def once(
    function: Callable[[Response], Found | Request | None],
    run_folder: str | os.PathLike[str] | None = None,
) -> Once:
    """A ``follow`` function that leads to no request twice, whatever responses the same link is in.

    Requests are the same whose method, URL without fragment, parameters and body are. Those of the input
    count too, from when they are taken. It is for one call at a time, and holds some 60 bytes for each
    request.

    Parameters
    ----------
    function
        From a response to the requests that it leads to, as ``follow`` takes it; no coroutine function.
    run_folder
        That of the call. ``function`` is called with each response that is recorded there, at once, to find
        out what earlier processes have found: it must need no more of a response than is in the folder.
        Default: none.

    Raises
    ------
    TypeError
        For what is no plain function.
    NotARunFolderError
        For a folder whose rows are CSV, or Parquet of chosen columns: no response can be made of them.
    RunFolderError
        What the disk refuses.

    Examples
    --------
    >>> follow = once(lambda response: [(1, "http://localhost/a"), (2, "http://localhost/a#part")])
    >>> follow(None)
    [(1, 'http://localhost/a')]
    """
    if not callable(function) or is_coroutine_function(function):
        raise TypeError(f"once takes a plain function from a response to requests, got {function!r}")
    return Once(function, run_folder)
