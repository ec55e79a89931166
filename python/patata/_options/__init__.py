"""The options that users give: one table of them, and what is made of it.

``table`` says what there is, with ``connections`` as a part of it, and ``checks`` what is refused.
``combine`` puts the options of a call on top of its client's, ``arguments`` checks what is given beside them,
and ``documented`` tells of all.
"""

from patata._options.arguments import (
    OF_CLIENT,
    callbacks,
    iterable,
    requests,
    shared_budget,
    size,
    verbose_level,
    workers,
)
from patata._options.checks import count, is_coroutine_function
from patata._options.combine import (
    DEFAULTS,
    checked,
    combined,
    following,
    of_request,
    run_folder,
    split,
    without_run,
)
from patata._options.documented import documented
from patata._options.settling import Settling
from patata._options.table import (
    AttemptOptions,
    CallOptions,
    ClientOnlyOptions,
    ClientOptions,
    HttpOptions,
    Options,
    RequestOptions,
)
from patata._options.unpack import Unpack

__all__ = [
    "DEFAULTS",
    "OF_CLIENT",
    "AttemptOptions",
    "CallOptions",
    "ClientOnlyOptions",
    "ClientOptions",
    "HttpOptions",
    "Options",
    "RequestOptions",
    "Settling",
    "Unpack",
    "callbacks",
    "checked",
    "combined",
    "count",
    "documented",
    "following",
    "is_coroutine_function",
    "iterable",
    "of_request",
    "requests",
    "run_folder",
    "shared_budget",
    "size",
    "split",
    "verbose_level",
    "without_run",
    "workers",
]
