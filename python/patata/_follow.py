"""What responses lead to: the user's function is asked about each, and what it gives joins the call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from patata._callbacks.calling import let_go_of_frames, told
from patata.exceptions import FollowError, PageError, RequestError, TooManyFollowUps

if TYPE_CHECKING:
    from patata._patata import FollowUps
    from patata.models import Response


class Following:
    """The user's function, and the queue of the call that it is for."""

    def __init__(self, function: Any, follow_ups: FollowUps) -> None:
        self._function = function
        self._follow_ups = follow_ups

    def follow(self, response: Response) -> Response:
        """Asks what a response leads to. What the function raises is the response's error."""
        try:
            wanted = self._follow_ups.wants(response)
            self._follow_ups.found(response, self._function(response) if wanted else None)
        except Exception as error:
            self._fail(response, error)
        return response

    async def awaited(self, response: Response) -> Response:
        """The same with a function that may be a coroutine function."""
        try:
            said: Any = self._function(response) if self._follow_ups.wants(response) else None
            if hasattr(said, "__await__"):
                said = await said
            self._follow_ups.found(response, said)
        except Exception as error:
            self._fail(response, error)
        return response

    def _fail(self, response: Response, error: Exception) -> None:
        failed(response, error)
        self._follow_ups.found(response)

    def followed(self, responses: Iterable[Response]) -> Iterator[Response]:
        """Asks about the responses of a whole call, and passes them on."""
        yield from map(self.follow, responses)
        self.check()

    def batches(self, batches: Iterable[list[Response]]) -> Iterator[list[Response]]:
        """The same with batches of them."""
        for batch in batches:
            yield [self.follow(response) for response in batch]

    def check(self) -> None:
        """Raises where the call has ended as more was found than there is room for."""
        left = self._follow_ups.take_left()
        if left is not None:
            message = (
                f"{len(left)} requests that responses have led to had to wait, more than queue_max_size "
                "allows, and were not sent: they are in `requests` of this exception. Give a run_folder, "
                "which has room for them, a larger queue_max_size, or max_requests"
            )
            raise TooManyFollowUps(message, left)


def failed(response: Response, error: BaseException) -> None:
    """Notes on a response that what it leads to could not be found out, or cannot be sent."""
    let_go_of_frames(error)
    if not isinstance(error, FollowError):
        error = FollowError(f"follow raised {told(error)}", error)
    before = response.error
    if before is None:
        error.status_code = response.status_code
        response.error = error
    elif isinstance(error, PageError) and isinstance(before, RequestError):
        # Where the request itself had failed, that stays its error, and says at which page.
        response.error = type(before)(str(error), before.request_sent)
        response.error.__cause__ = before
