"""Budgets that several processes share, and what dies, is cut off or says too many meanwhile.

Each judges at a server: the rate holds, each request is answered once, and all goes on.
"""

import re
import signal
import subprocess
import threading
import time

import pytest
from arrivals import OK, Arrivals
from patata import Budget, BudgetHandle, Patata
from patata.exceptions import BudgetError
from sharing import Holder, Network, Redis, once, shared
from support import eventually, free_port, start_python

TOO_MANY = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n"
NAMES = range(4)


def all_well(workers, count):
    return [worker.ended() for worker in workers] == [({"200": count}, "")] * len(workers)


def sent_between(server, begin, end):
    return [path for at, path in server.log if begin < at < end]


@pytest.mark.parametrize("place", ["tcp", "redis"])
@pytest.mark.parametrize("line", [b"retry-after: 1\r\n", b""], ids=["with a time", "without a time"])
def test_a_429_that_one_of_eight_sees_stops_the_others(place, line, tmp_path, started):
    refused = []

    def answer(path):
        if len(server.log) != 200:
            return OK
        refused.append(path)
        return TOO_MANY + line + b"\r\n"

    # Without a time, it is left alone for twice as long as it takes to answer.
    with Arrivals(answer, delay=0.5) as server, shared(place, tmp_path, "200/s") as handle:
        workers = [started(handle, server.url, name, 50) for name in range(8)]
        # The one that was told so is sent again.
        assert all_well(workers, 50)
    assert server.paths() == once(range(8), 50) | {refused[0]: 2}
    told = next(at for at, path in server.told if path == refused[0])
    # A slot is 5 ms. How soon the others hear of it is a matter of how busy the machine is.
    assert len(sent_between(server, told + 0.2, told + 0.95)) <= 2


def test_a_holder_that_is_killed_and_started_again_costs_nothing_but_time(started):
    port = free_port()
    with Arrivals() as server:
        with Holder("200/s", port) as holder:
            workers = [started(holder.handle, server.url, name, 150) for name in NAMES]
            assert eventually(lambda: len(server.log) > 200)
        stopped = time.monotonic()
        time.sleep(1)
        started_again = time.monotonic()
        with Holder("200/s", port):
            assert all_well(workers, 150)
    assert server.paths() == once(NAMES, 150)
    assert server.excess(200) <= 5
    # What one has put by for the request that is next may be used within a second.
    assert len(sent_between(server, stopped + 0.5, started_again)) <= len(NAMES)


def test_a_redis_that_is_killed_and_comes_back_empty_costs_nothing_but_time(tmp_path, started):
    port = free_port()
    with Arrivals() as server:
        with Redis(tmp_path, port) as redis:
            handle = Budget(f"{redis.url}?name=tests", requests="200/s").handle
            workers = [started(handle, server.url, name, 150) for name in NAMES]
            assert eventually(lambda: len(server.log) > 200)
        stopped = time.monotonic()
        time.sleep(1)
        started_again = time.monotonic()
        with Redis(tmp_path, port):
            assert all_well(workers, 150)
    assert server.paths() == once(NAMES, 150)
    assert server.excess(200) <= 5
    # What one has put by for the request that is next may be used within a second.
    assert len(sent_between(server, stopped + 0.5, started_again)) <= len(NAMES)


@pytest.mark.parametrize("closes", [True, False], ids=["closed", "silent"])
def test_a_network_that_is_cut_for_five_seconds_costs_nothing_but_time(closes, started):
    with (
        Arrivals() as server,
        Budget("200/s").serve() as handle,
        Network(int(handle.reveal().split(":")[2].split("/")[0])) as network,
    ):
        through = BudgetHandle(handle.reveal().replace(f":{network.to}/", f":{network.port}/"))
        workers = [started(through, server.url, name, 100) for name in NAMES]
        assert eventually(lambda: len(server.log) > 100)
        network.cut(closes)
        cut = time.monotonic()
        time.sleep(5)
        mended = time.monotonic()
        network.mend()
        assert all_well(workers, 100)
    assert server.paths() == once(NAMES, 100)
    assert server.excess(200) <= 5
    assert len(sent_between(server, cut + 0.5, mended)) <= len(NAMES)
    assert sent_between(server, cut + 2, mended) == []


def test_what_a_killed_worker_had_leased_is_the_others_again(started):
    with Arrivals() as server, Budget("200/s").serve() as handle:
        killed = started(handle, server.url, "killed", 10_000)
        others = [started(handle, server.url, name, 150) for name in range(2)]
        assert eventually(lambda: len(server.log) > 100)
        killed.kill()
        assert all_well(others, 150)
    assert server.excess(200) <= 5


@pytest.mark.parametrize("place", ["tcp", "redis"])
def test_the_permits_of_a_killed_worker_are_the_others(place, tmp_path, started):
    def delay(path):
        return 60 if path.startswith("/killed") else 0.01

    with Arrivals(delay=delay) as server, shared(place, tmp_path, "1000/s", concurrency=8) as handle:
        killed = started(handle, server.url, "killed", 100)
        assert eventually(lambda: server.in_flight == 8)
        others = [started(handle, server.url, name, 30) for name in range(2)]
        assert eventually(lambda: handle.status()["units"][0]["waiting"] > 0)
        # It has all there are, and cannot give up what is in flight.
        assert len(server.log) == 8
        killed.kill()
        assert all_well(others, 30)
        assert server.most_in_flight <= 16


def test_a_budget_that_is_lost_under_way_ends_what_waits_with_a_typed_error():
    port = free_port()
    with Arrivals() as server:
        with Holder("200/s", port) as holder:
            client = Patata(1, verbose=False, budget=holder.handle, budget_timeout=2)
            responses = client.http("get", ((i, f"{server.url}/{i}") for i in range(300)))
            ended = [next(responses) for _ in range(50)]
        consumer = threading.Thread(target=lambda: ended.extend(responses))
        consumer.start()
        assert eventually(lambda: responses.progress().budget == "no answer of the shared budget")
        consumer.join()
        client.close()
    assert sorted(response.id_ for response in ended) == list(range(300))
    failed = [response for response in ended if not response.ok]
    receipt = client.receipt
    assert (receipt.ok, receipt.failed) == (300 - len(failed), len(failed))
    assert server.paths() == {f"/{response.id_}": 1 for response in ended if response.ok}
    assert failed
    for response in failed:
        assert isinstance(response.error, BudgetError)
        assert re.search(rf"127\.0\.0\.1:{port} has not answered for \d+(\.\d)? s", str(response.error))


WAITING = """
import sys
from patata import Patata
with Patata(1, budget=sys.stdin.readline().strip(), budget_timeout=3600) as client:
    print("ready", flush=True)
    try:
        list(client.http("get", ((i, sys.argv[1]) for i in range(10**9))))
    except KeyboardInterrupt as interrupt:
        print(interrupt.receipt.unsent, interrupt.receipt.unknown)
"""


def test_ctrl_c_ends_a_run_that_waits_for_a_lost_holder():
    with Arrivals() as server:
        with Holder("200/s", free_port()) as holder:
            process = start_python("-c", WAITING, server.url, stdin=subprocess.PIPE)
            process.stdin.write(holder.handle.reveal() + "\n")
            process.stdin.flush()
            assert eventually(lambda: len(server.log) > 20)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    unsent, unknown = map(int, out.split()[-2:])
    assert unsent > 0
    assert unknown == 0
