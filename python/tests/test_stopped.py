"""A process that is stopped for longer than its time-outs loses nothing that was in flight."""

import signal
import socket
import ssl
import threading
import time

import pytest
from peers import running
from support import RawServer, answer, eventually, read_request

TIMEOUT = 1
COUNT = 12

SCRIPT = """
import sys
from patata import Patata

url, count, timeout, ca, folder, version = sys.argv[1:]
options = {"http_version": version} | ({"verify": ca} if ca else {})
limits = {"timeout": float(timeout), "connect_timeout": float(timeout)}
with Patata(2, verbose=False, **options, **limits) as client:
    print("ready", flush=True)
    if folder:
        requests = [(f"{number}.bin", url) for number in range(int(count))]
        responses = list(client.http("get", requests, stream_to=folder + "/{id}"))
    else:
        responses = list(client.http("get", [(number, url) for number in range(int(count))]))
for response in responses:
    print(response.status_code, response.http_version, response.error)
"""


def start(url, count, ca="", folder="", version="1.1"):
    """A client in a process of its own."""
    return running("-c", SCRIPT, url, count, TIMEOUT, ca, folder, version)


def stop_for_longer_than_its_timeouts(process):
    """Stops the client. What is sent to it meanwhile is there when it goes on."""
    process.send_signal(signal.SIGSTOP)
    time.sleep(2 * TIMEOUT)
    process.send_signal(signal.SIGCONT)


def lines(process):
    """What the client prints of its responses."""
    out, err = process.communicate(timeout=60)
    assert not err
    return out.splitlines()[1:]


@pytest.mark.parametrize("to_files", [False, True], ids=["in memory", "to files"])
def test_answers_that_came_while_it_was_stopped_are_all_there(to_files, tmp_path):
    stopped = threading.Event()
    body = b"x" * 300_000

    def serve(*_):
        stopped.wait(30)
        return answer(body)

    folder = tmp_path if to_files else ""
    with RawServer(serve) as server, start(server.url, COUNT, folder=folder) as process:
        assert eventually(lambda: len(server.heads) == COUNT)
        threading.Timer(TIMEOUT / 2, stopped.set).start()
        stop_for_longer_than_its_timeouts(process)
        assert lines(process) == ["200 1.1 None"] * COUNT
    if to_files:
        assert [path.stat().st_size for path in tmp_path.iterdir()] == [len(body)] * COUNT


def test_a_redirect_that_came_while_it_was_stopped_is_followed():
    stopped = threading.Event()

    def serve(_, head, __):
        if head.startswith(b"GET /end "):
            return answer(b"{}")
        stopped.wait(30)
        return answer(b"", "location: /end", status="302 Found")

    with RawServer(serve) as server, start(server.url, COUNT) as process:
        assert eventually(lambda: len(server.heads) == COUNT)
        threading.Timer(TIMEOUT / 2, stopped.set).start()
        stop_for_longer_than_its_timeouts(process)
        assert lines(process) == ["200 1.1 None"] * COUNT


def test_a_handshake_that_was_under_way_is_completed_and_the_request_sent(certificates):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    greeted, stopped = threading.Semaphore(0), threading.Event()

    def serve(connection):
        connection.settimeout(30)
        connection.recv(1, socket.MSG_PEEK)
        greeted.release()
        stopped.wait(30)
        with context.wrap_socket(connection, server_side=True) as tls:
            read_request(tls)
            tls.sendall(answer(b"{}"))
            tls.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            for _ in range(3):
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        url = f"https://localhost:{listener.getsockname()[1]}/"
        with start(url, 3, ca=certificates.ca) as process:
            for _ in range(3):
                assert greeted.acquire(timeout=30)
            threading.Timer(TIMEOUT / 2, stopped.set).start()
            stop_for_longer_than_its_timeouts(process)
            assert lines(process) == ["200 1.1 None"] * 3


def test_streams_of_http2_that_were_answered_while_it_was_stopped_are_all_there(httpbin, certificates):
    # As many as the server has threads.
    url = f"{httpbin[1]}/delay/{TIMEOUT / 2}"
    with start(url, 4, ca=certificates.ca, version="2") as process:
        assert process.stdout.readline() == "ready\n"
        # Wherever it is by then: it connects, or it waits.
        time.sleep(TIMEOUT / 4)
        stop_for_longer_than_its_timeouts(process)
        out, err = process.communicate(timeout=60)
        assert (out.splitlines(), err) == (["200 2 None"] * 4, "")
