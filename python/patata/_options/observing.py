"""The options of who else is told what requests come to.

The annotations are looked at at run time, so they are no texts here.
"""

from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from patata._options import checks
from patata._options.option import Option

if TYPE_CHECKING:
    from patata.telemetry import Telemetry
else:
    # Most programs have no telemetry, and do not pay for importing it.
    Telemetry = Any


class TelemetryOptions(TypedDict, total=False):
    """Who else is told what requests come to."""

    telemetry: Annotated[
        bool | Telemetry,
        Option(
            checks.telemetry,
            default=False,
            doc="""
            Whether what requests come to is reported with OpenTelemetry, or a :class:`patata.Telemetry`,
            which says what is and where. By its conventions for HTTP clients: each attempt is measured as
            ``http.client.request.duration``, and is a span below that of its call; servers are told of the
            trace by ``traceparent``. Needs ``patata[otel]``, and the SDK that the program sets up; without
            one, nothing is reported.
            """,
        ),
    ]
