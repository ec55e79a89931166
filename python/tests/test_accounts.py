"""Every item that is taken is accounted for, however a call ends, and in both faces alike."""

import asyncio
import itertools
import pickle
import random
import signal
import textwrap
from collections import Counter
from contextlib import aclosing

import pytest
from patata import AsyncPatata, Patata, exceptions
from patata._aio.call import BATCH
from support import RawServer, eventually, start_python

DATA_THAT_IS_NO_JSON = object()
NO_REQUEST = "no request"
CLOSED = "http://127.0.0.1:1/"


class Book:
    """The items of a call, and how many of them were taken."""

    def __init__(self, seed, url):
        self.random = random.Random(seed)
        self.url = url
        self.taken = 0
        self.handed_out = asyncio.Condition()
        self.responses = []

    def item(self, id_):
        """A request by chance, which is the same for each id of a seed."""
        chance = random.Random(f"{self.url} {id_}").random()
        if chance < 0.15:
            return id_, "no URL"
        if chance < 0.25:
            return id_, self.url, DATA_THAT_IS_NO_JSON
        if chance < 0.35:
            return id_, CLOSED
        if chance < 0.45:
            return id_, f"{self.url}/status/404"
        if chance < 0.5:
            return id_, f"{self.url}/delay/20"
        return id_, self.url

    def items(self, end):
        """All items; the input may end by an item that is no request, or by raising."""
        for item in self.uncounted(end):
            self.taken += item != NO_REQUEST
            yield item

    def uncounted(self, end):
        count, how = end
        for id_ in itertools.count() if count is None else range(count):
            yield self.item(id_)
        if how == "no request":
            yield NO_REQUEST
        if how == "raises":
            raise KeyError(how)

    async def slow_items(self, end):
        for item in self.uncounted(end):
            if self.random.random() < 0.1:
                await asyncio.sleep(0.001)
            self.taken += item != NO_REQUEST
            yield item

    async def crawled_items(self, end):
        """Each only once the response to the one before is there."""
        for given, item in enumerate(self.uncounted(end)):
            async with self.handed_out:
                await self.handed_out.wait_for(lambda given=given: len(self.responses) >= given)
            self.taken += item != NO_REQUEST
            yield item

    async def take(self, response):
        async with self.handed_out:
            self.responses.append(response)
            self.handed_out.notify_all()


def with_patata(book, end, shape, leave_after, **options):
    items = book.items(end)
    stop = None
    with Patata(1, verbose=False, **options) as client:
        responses = client.http("get", list(items) if shape == "list" else items)
        try:
            for response in responses:
                book.responses.append(response)
                if len(book.responses) == leave_after:
                    break
        except Exception as error:
            stop = error
        responses.close()
    return client.receipt, stop


def with_asyncio(book, end, shape, leave_after, **options):
    async def main():
        stop = None
        shapes = {"generator": book.items, "slow": book.slow_items, "crawled": book.crawled_items}
        items = list(book.items(end)) if shape == "list" else shapes[shape](end)
        async with AsyncPatata(1, verbose=False, **options) as client:
            try:
                async with aclosing(client.http("get", items)) as responses:
                    async for response in responses:
                        await book.take(response)
                        if len(book.responses) == leave_after:
                            break
            except Exception as error:
                stop = error
        return client.receipt, stop

    return asyncio.run(asyncio.wait_for(main(), 60))


FACES = {
    "list": (with_patata, "list"),
    "generator": (with_patata, "generator"),
    "asyncio, list": (with_asyncio, "list"),
    "asyncio, generator": (with_asyncio, "generator"),
    "asyncio, slow": (with_asyncio, "slow"),
    "asyncio, crawled": (with_asyncio, "crawled"),
}


def assert_accounts_are_right(book, receipt, stop, left_batch=0):
    """What holds however a call ends. Of a batch that was left, some are done and were not handed out."""
    assert receipt.submitted == receipt.ok + receipt.failed + receipt.cancelled
    unseen = receipt.ok + receipt.failed - len(book.responses)
    assert 0 <= unseen <= left_batch
    assert receipt.failed == sum(receipt.errors.values()) + sum(receipt.failed_statuses.values())
    by_deadline = [r.id_ for r in book.responses if "the run's deadline" in str(r.error)]
    assert receipt.unsent + receipt.unknown == receipt.cancelled + len(by_deadline)
    assert (len(receipt.unsent_ids), len(receipt.unknown_ids)) == (receipt.unsent, receipt.unknown)
    ids = {response.id_ for response in book.responses}
    assert len(ids) == len(book.responses)
    accounted = ids | {*receipt.unsent_ids, *receipt.unknown_ids}
    assert accounted <= set(range(receipt.submitted))
    assert len(accounted) == receipt.submitted - unseen
    if stop is not None:
        assert stop.receipt == receipt


def options_by_chance(seed):
    chance = random.Random(seed)
    return {
        "ordered": chance.random() < 0.3,
        "queue_max_size": chance.choice([1, 5, 1000]),
        "concurrency": chance.choice([1, 7, 100]),
    }


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("how", ["ends", "no request", "raises"])
def test_both_faces_have_the_same_accounts(server, seed, how):
    options = options_by_chance(seed)
    count = random.Random(seed).randrange(60)
    seen = {}
    for name, (face, shape) in FACES.items():
        if shape == "list" and how == "raises":
            continue
        book = Book(seed, server.url)
        receipt, stop = face(book, (count, how), shape, None, **options)
        assert book.taken == receipt.submitted == count, name
        assert_accounts_are_right(book, receipt, stop)
        results = Counter((r.id_, r.status_code, type(r.error)) for r in book.responses)
        accounts = (receipt.ok, receipt.failed, receipt.cancelled, receipt.errors, receipt.failed_statuses)
        seen[name] = (results, accounts, type(stop), [r.id_ for r in book.responses if options["ordered"]])
    first, *others = seen.values()
    for name, other in zip(list(seen)[1:], others, strict=True):
        assert other == first, name


ENDS = {
    "max_failures": {"max_failures": 3},
    "abort_on": {"abort_on": {404}},
    "deadline": {"deadline": 0.1},
    "break": {},
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("face", [name for name in FACES if "list" not in name])
def test_what_was_taken_when_a_call_ends_early_is_accounted_for(server, seed, end, face):
    book = Book(seed, server.url)
    call, shape = FACES[face]
    leave_after = 20 if end == "break" else None
    receipt, stop = call(book, (None, "ends"), shape, leave_after, **options_by_chance(seed), **ENDS[end])
    left_batch = BATCH if end == "break" and call is with_asyncio else 0
    assert_accounts_are_right(book, receipt, stop, left_batch)
    assert book.taken == receipt.submitted
    raised = {"deadline": exceptions.DeadlineExceededError, "break": None}.get(
        end, exceptions.TooManyFailures
    )
    assert (stop and type(stop)) == raised


def refusals(folder):
    """Items that are refused before any I/O, with the option that this needs."""

    def auth(_request):
        raise ValueError("no")

    return {
        "a bad URL": (lambda _url: (1, "no URL"), {}),
        "data that is no JSON": (lambda url: (1, url, DATA_THAT_IS_NO_JSON), {}),
        "an auth function that raises": (lambda url: (1, url), {"auth": auth}),
        "an id that leads out": (lambda url: ("../../out", url), {"stream_to": f"{folder}/{{id}}"}),
    }


@pytest.mark.parametrize("refusal", refusals("."))
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("callbacks", [[], [lambda response: response]])
def test_a_crawler_gets_the_response_to_what_is_refused(server, tmp_path, refusal, ordered, callbacks):
    item, options = refusals(tmp_path)[refusal]

    async def main():
        answered = asyncio.Queue()

        async def crawl():
            for _ in range(5):
                yield item(server.url)
                await answered.get()

        responses = []
        async with AsyncPatata(1, verbose=False, ordered=ordered, **options) as client:
            async for response in client.http("get", crawl(), callbacks=callbacks):
                responses.append(response)
                answered.put_nowait(response)
        return responses

    responses = asyncio.run(asyncio.wait_for(main(), 30))
    assert [type(response.error) for response in responses] == [exceptions.InvalidRequestError] * 5


@pytest.mark.parametrize("face", ["generator", "asyncio, generator", "asyncio, slow"])
def test_the_ids_tell_what_has_arrived(face):
    """Of those that were not sent, nothing has."""
    server = RawServer(lambda *_: eventually(lambda: False, seconds=0.5))
    with server:
        book = Book(1, server.url)
        book.item = lambda id_: (id_, f"{server.url}/{id_}")
        call, shape = FACES[face]
        receipt, stop = call(
            book, (None, "ends"), shape, None, concurrency=4, queue_max_size=10, deadline=0.3
        )
        arrived = {int(head.split(b"/", 2)[1].split()[0]) for head in server.heads}
    assert arrived <= set(receipt.unknown_ids)
    assert (receipt.unsent, receipt.unknown) == (6, 4)
    assert stop.receipt.unsent_ids == receipt.unsent_ids == [4, 5, 6, 7, 8, 9]


def test_the_exception_and_the_log_say_how_many(server, caplog):
    caplog.set_level("INFO", "patata")
    client = Patata(1, verbose_level=1, abort_on={404}, concurrency=1, queue_max_size=5)
    book = Book(1, server.url)
    book.item = lambda id_: (id_, f"{server.url}/status/404" if id_ else f"{server.url}/delay/200")
    with pytest.raises(exceptions.TooManyFailures) as raised:
        list(client.http("get", book.items((None, "ends"))))
    stop = raised.value
    words = stop.receipt.unfinished()
    assert f"{stop.receipt.unsent} not sent" in words
    assert stop.receipt.unsent >= 2
    assert f"({words})" in caplog.text
    assert pickle.loads(pickle.dumps(stop)).receipt == stop.receipt
    if hasattr(stop, "__notes__"):
        assert words in stop.__notes__[0]


def test_a_closed_client_says_what_was_not_done():
    with RawServer(lambda *_: eventually(lambda: False, seconds=0.5)) as server:
        client = Patata(1, verbose=False, concurrency=2)

        def items():
            yield from ((id_, server.url) for id_ in range(5))
            assert eventually(lambda: len(server.heads) == 2)
            client.close()

        with pytest.raises(exceptions.ClientClosedError) as raised:
            list(client.http("get", items()))
    assert raised.value.receipt == client.receipt
    assert (client.receipt.unknown_ids, client.receipt.unsent_ids) == ([0, 1], [2, 3, 4])


CTRL_C = """
    import sys, asyncio
    from patata import {client}

    url = sys.argv[1]
    client = {client}(1, verbose=False, concurrency=2)

    def items():
        for id_ in range(5):
            yield id_, url

    def show(error):
        receipt = client.receipt
        print(receipt.unknown_ids, receipt.unsent_ids, getattr(error, "receipt", receipt) == receipt)

    {run}
"""

RUNS = {
    "Patata": """
    try:
        list(client.http("get", items()))
    except KeyboardInterrupt as error:
        show(error)
    """,
    "AsyncPatata": """
    async def main():
        async for _ in client.http("get", items()):
            pass

    try:
        asyncio.run(main())
    except KeyboardInterrupt as error:
        show(error)
    """,
}


@pytest.mark.parametrize("client", RUNS)
def test_ctrl_c_leaves_the_receipt(client):
    script = textwrap.dedent(CTRL_C).format(client=client, run=textwrap.dedent(RUNS[client]))
    with RawServer(lambda *_: eventually(lambda: False, seconds=1)) as server:
        process = start_python("-c", script, server.url)
        assert eventually(lambda: len(server.heads) == 2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert out.split("\n")[0] == "[0, 1] [2, 3, 4] True", err
