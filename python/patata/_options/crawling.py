"""The options of crawls: what is asked for at all.

The annotations are looked at at run time, so they are no texts here.
"""

from typing import Annotated, TypedDict

from patata._options import checks
from patata._options.option import Option


class CrawlOptions(TypedDict, total=False):
    """What may be asked for."""

    robots: Annotated[
        bool | str,
        Option(
            checks.robots,
            default=False,
            doc="""
            Whether the ``robots.txt`` of hosts is obeyed (RFC 9309), or the name of the robot that obeys it.
            ``True`` goes by the name that the header ``User-Agent`` begins with. The file is fetched before
            anything else is sent to an origin, under the same limits, and holds for a day in all calls of
            the client. What it forbids is not sent, also as the target of a redirect: the response has a
            :class:`RobotsError` as ``error``. One that is not there (404) allows all; one that cannot be
            read forbids all, for 10 minutes. ``Crawl-delay`` is a rate for that host. Needs
            ``patata[crawl]``.
            """,
        ),
    ]
