"""How chains of pages are followed in tests, and what they are made of."""

import json
from urllib.parse import quote

from patata import Request


def followed(client, follow, *requests, method="get", **options):
    """All responses of the chains that requests begin, a round of pages at a time."""
    responses, waiting = [], [follow.first(request) for request in requests]
    while waiting:
        came = list(client.http(method, waiting, **options))
        responses += came
        waiting = [request for response in came for request in follow(response)]
    return responses


def restored(request):
    """A request as a run folder would give it back: what it is made of, and nothing that it remembers."""
    made = Request(**request.dict())
    assert type(made) is Request
    return made


def given(url, answers):
    """The URL at which pages are what is said here, by the cursor that they are asked for with."""
    texts = {json.dumps(cursor): answer for cursor, answer in answers.items()}
    return f"{url}/given?answers={quote(json.dumps(texts))}"
