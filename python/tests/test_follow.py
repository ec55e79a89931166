"""Responses that lead to further requests, which join the call, and requests that threads add."""

import asyncio
import itertools
import signal
import textwrap
import threading
from collections import Counter

import pytest
from patata import AsyncPatata, Patata, Request
from patata.exceptions import FollowError, InvalidRequestError, TooManyFollowUps
from support import run_python


def below(response):
    """The three pages below one of a tree."""
    url = response.url
    return (Request(response.id_ * 3 + branch, url) for branch in (1, 2, 3))


def collected(kind, requests, *, method="get", client=None, **options):
    """The responses of a call of either client, and its receipt."""
    if kind == "sync":
        with Patata(verbose=False, **(client or {})) as patata:
            responses = patata.http(method, requests, **options)
            return list(responses), responses.receipt

    async def main():
        async with AsyncPatata(verbose=False, **(client or {})) as patata:
            responses = patata.http(method, requests, **options)
            return [response async for response in responses], responses.receipt

    return asyncio.run(main())


@pytest.fixture(params=["sync", "async"])
def kind(request):
    return request.param


def test_each_page_of_a_tree_is_asked_for_once_and_knows_its_depth(kind, server):
    responses, receipt = collected(kind, [(0, server.url)], follow=below, max_depth=5)
    assert sorted(response.id_ for response in responses) == list(range(364))
    assert Counter(response.depth for response in responses) == {n: 3**n for n in range(6)}
    assert (receipt.submitted, receipt.ok, receipt.followed) == (364, 364, 363)


def test_a_chain_comes_in_order_and_each_response_has_the_request_that_was_given(kind, server):
    given = {}

    def following(response):
        if response.depth < 20:
            given[response.depth + 1] = Request((response.id_[0], response.depth + 1), server.url + "/echo")
            given[response.depth + 1].method = "POST"
            return given[response.depth + 1]
        return None

    responses, _ = collected(kind, [(("chain", 0), server.url)], follow=following)
    assert [response.id_ for response in responses] == [("chain", depth) for depth in range(21)]
    assert all(response.request is given[response.depth] for response in responses[1:])
    assert responses[1].data["method"] == "POST"


def test_a_function_that_raises_costs_its_response_nothing_and_the_others_go_on(kind, server):
    def broken(response):
        if response.id_ == 1:
            raise KeyError("next")
        return [(10, server.url)] if response.id_ == 2 else []

    responses, receipt = collected(kind, [(id_, server.url) for id_ in (1, 2)], follow=broken)
    by_id = {response.id_: response for response in responses}
    assert sorted(by_id) == [1, 2, 10]
    assert (by_id[1].status_code, by_id[1].data) == (200, {"message": "Hello world!"})
    assert isinstance(by_id[1].error, FollowError)
    assert isinstance(by_id[1].error.__cause__, KeyError)
    assert (receipt.ok, receipt.failed, receipt.errors) == (2, 1, {"FollowError": 1})


def test_what_is_no_request_is_told_with_what_it_is(kind, server):
    responses, _ = collected(kind, [(1, server.url)], follow=lambda _: [(2, server.url), ("no", 3)])
    assert [response.id_ for response in responses] == [1]
    assert "('no', 3) is not a request" in str(responses[0].error)
    responses, _ = collected(kind, [(1, server.url)], follow=lambda _: 7)
    assert "follow must return requests" in str(responses[0].error)


def test_no_more_requests_are_taken_than_max_requests_says(kind, server):
    def endless(_):
        while True:
            yield (1, server.url)

    responses, receipt = collected(kind, [(0, server.url)], follow=endless, max_requests=50)
    assert (len(responses), receipt.submitted, receipt.followed) == (50, 50, 49)
    assert receipt.left_out > 0
    responses, receipt = collected(kind, [(id_, server.url) for id_ in range(9)], max_requests=5)
    assert (len(responses), receipt.submitted) == (5, 5)


def test_more_than_there_is_room_for_ends_the_call_and_none_of_it_is_lost(kind, server):
    seen = []

    def noting(response):
        seen.append(response.id_)
        return below(response)

    with pytest.raises(TooManyFollowUps, match="Give a run_folder") as raised:
        collected(kind, [(0, server.url)], client={"queue_max_size": 50}, follow=noting)
    ids = [*seen, *(request.id_ for request in raised.value.requests)]
    assert len(ids) == len(set(ids)) == 3 * len(seen) + 1


def test_follow_gets_what_callbacks_have_made(kind, server):
    def shout(response):
        response.data = response.data["message"].upper()
        return response

    def following(response):
        return [(response.data, server.url)] if response.depth == 0 else None

    responses, _ = collected(
        kind, [(1, server.url)], callbacks=[shout], client={"num_workers": 1}, follow=following
    )
    assert [response.id_ for response in responses] == [1, "HELLO WORLD!"]


def test_a_coroutine_may_say_what_a_response_leads_to(server):
    async def slowly(response):
        await asyncio.sleep(0.001)
        return below(response)

    responses, receipt = collected("async", [(0, server.url)], follow=slowly, max_depth=4)
    assert sorted(response.id_ for response in responses) == list(range(121))
    assert receipt.followed == 120
    with Patata(verbose=False) as client, pytest.raises(TypeError, match="only with AsyncPatata"):
        client.http("get", [], follow=slowly)


def test_threads_add_requests_until_the_input_is_closed(kind, server):
    def push(responses):
        for id_ in range(200):
            responses.submit((id_, server.url))
        responses.close_input()

    def begin(responses):
        thread = threading.Thread(target=push, args=(responses,))
        thread.start()
        return thread

    with Patata(verbose=False) as client:
        responses = client.http("get", None)
        thread = begin(responses)
        ids = sorted(response.id_ for response in responses)
        thread.join()

    async def main():
        async with AsyncPatata(verbose=False) as client:
            responses = client.http("get", None)
            thread = begin(responses)
            ids = sorted([response.id_ async for response in responses])
            thread.join()
            return ids

    if kind == "async":
        ids = asyncio.run(main())
    assert ids == list(range(200))


def test_what_is_submitted_to_a_call_that_has_ended_or_is_full_is_refused(server):
    with Patata(verbose=False, queue_max_size=2) as client:
        responses = client.http("get", [(0, server.url)])
        responses.submit((1, server.url))
        responses.submit((2, server.url))
        with pytest.raises(TooManyFollowUps, match="2 requests wait already"):
            responses.submit((3, server.url))
        with pytest.raises(InvalidRequestError, match="is not a request"):
            responses.submit("no request")
        assert sorted(response.id_ for response in responses) == [0, 1, 2]
        assert responses.receipt.followed == 2
        with pytest.raises(ValueError, match="has ended"):
            responses.submit((4, server.url))


def test_a_folder_has_what_was_found_and_another_process_goes_on(kind, server, tmp_path):
    folder = tmp_path / "run"
    url = server.url

    def stopping(response):
        return below(response) if response.id_ < 40 else None

    # The first one stops as if its input had ended.
    first, receipt = collected(kind, [(0, url)], follow=stopping, max_requests=30, run_folder=folder)
    assert len(first) == 30
    rest, receipt = collected(kind, [(0, url)], follow=stopping, run_folder=folder)
    ids = sorted(response.id_ for response in [*first, *rest])
    assert ids == list(range(121))
    assert (receipt.submitted, receipt.skipped, receipt.ok) == (121, 30, 91)
    assert all(response.depth > 0 for response in rest)


def test_a_folder_has_room_for_what_memory_has_not(kind, server, tmp_path):
    options = {"follow": below, "max_depth": 6, "run_folder": tmp_path / "run"}
    responses, receipt = collected(kind, [(0, server.url)], client={"queue_max_size": 20}, **options)
    assert sorted(response.id_ for response in responses) == list(range(1093))
    assert (receipt.submitted, receipt.followed) == (1093, 1092)


def test_a_folder_keeps_no_secrets_of_a_follow_up(server, tmp_path):
    secret = Request(2, server.url, headers={"Authorization": "Bearer secret"})
    responses, _ = collected("sync", [(1, server.url)], follow=lambda _: secret, run_folder=tmp_path / "run")
    assert "give credentials to the client" in str(responses[0].error)
    assert b"secret" not in b"".join(path.read_bytes() for path in (tmp_path / "run").glob("*.jsonl"))


def test_a_folder_of_a_call_with_follow_wants_it_again(server, tmp_path):
    folder = tmp_path / "run"
    collected("sync", [(0, server.url)], follow=below, max_depth=1, run_folder=folder)
    with pytest.raises(ValueError, match="give its follow again"):
        collected("sync", [(0, server.url)], run_folder=folder)


def test_the_files_of_what_joins_a_call_are_named_apart_from_those_of_its_input(client, server, tmp_path):
    def follow(response):
        return [(i, f"{server.url}/bytes/{i}") for i in (70, 80)] if response.depth == 0 else None

    requests = [(i, f"{server.url}/bytes/{i + 10}") for i in range(3)]
    for options in ({}, {"run_folder": tmp_path / "run"}):
        folder = tmp_path / ("kept" if options else "plain")
        responses = list(
            client.http("get", requests, follow=follow, stream_to=f"{folder}/{{index}}", **options)
        )
        assert len({response.path for response in responses}) == 9
        assert [(folder / str(i)).stat().st_size for i in range(3)] == [10, 11, 12]
        names = sorted(int(path.name) for path in folder.iterdir())
        assert names == [*range(3), *(10**12 + number for number in range(6))]


def test_what_may_never_end_is_cut_where_it_is_written_down(client, server, tmp_path):
    def follow(response):
        if response.depth == 0:
            yield from ((i, server.url) for i in itertools.count())

    (response,) = client.http("get", [(0, server.url)], follow=follow, run_folder=tmp_path / "run")
    assert isinstance(response.error, FollowError)
    assert "more than 1000000 requests for one response, which may never end" in str(response.error)
    assert (client.receipt.submitted, client.receipt.failed) == (1, 1)


def test_a_consumer_that_stops_early_ends_what_never_would(client, server):
    def follow(response):
        return (response.id_ + 1, server.url)

    for response in client.http("get", [(0, server.url)], follow=follow):
        if response.id_ == 100:
            break
    responses = client.http("get", [(0, server.url)], follow=follow)
    assert [next(responses).id_ for _ in range(50)] == list(range(50))
    responses.close()
    receipt = client.receipt
    assert receipt.ok == 50
    assert receipt.submitted == receipt.ok + receipt.failed + receipt.cancelled


def test_ctrl_c_ends_a_call_that_follows_for_ever(tmp_path, server):
    source = f"""
        import os, signal
        from patata import Patata

        def follow(response):
            if response.id_ == 200:
                os.kill(os.getpid(), signal.SIGINT)
            return (response.id_ + 1, {server.url!r})

        client = Patata(verbose=False)
        for _ in client.http("get", [(0, {server.url!r})], follow=follow):
            pass
    """
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(source))
    done = run_python(path, timeout=20)
    assert done.stderr.rstrip().endswith("KeyboardInterrupt"), done.stderr
    assert done.returncode == -signal.SIGINT
