"""Files saved and sent: few descriptors, full disks, time-outs, processes that end in the middle."""

import gzip
import os
import signal
import subprocess
import sys
import textwrap
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from patata import Patata
from patata.exceptions import DecodeError, RequestTimeoutError, SaveError
from support import RawServer, answer, eventually

MEBIBYTE = b"\0" * (1 << 20)


def coded(body, coding="gzip"):
    return answer(body, f"content-encoding: {coding}")


@pytest.fixture
def folder(tmp_path):
    """An empty one: scripts have theirs in another."""
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


# Few descriptors


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_with_256_files_downloads_slow_down_and_are_all_there(script, remote, folder, workers, coding):
    source = f"""
    import os, resource, sys
    from collections import Counter
    from patata import Patata
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    url, workers = sys.argv[1], int(sys.argv[2])
    with Patata(workers, concurrency=300, verbose=False) as client:
        requests = ((i, url) for i in range(2_000))
        responses = list(client.http("get", requests, stream_to="{folder}/{{id}}"))
    print(Counter(str(r.error) for r in responses))
    print(len(os.listdir("{folder}")), {{r.path.stat().st_size for r in responses}})
    """
    expected = "Counter({'None': 2000})\n2000 {1000}\n"
    if coding == "identity":
        assert script(source, remote + "/bytes/1000", workers) == expected
    else:
        with RawServer(coded(gzip.compress(b"x" * 1000))) as raw:
            assert script(source, raw.url, workers) == expected


@pytest.mark.parametrize("retries", [1, 5])
@pytest.mark.parametrize("how", ["content", "files"])
def test_with_256_files_uploads_slow_down_and_arrive_whole(script, remote, folder, how, retries):
    paths = [folder / str(number) for number in range(2)]
    for path in paths:
        path.write_bytes(b"x" * 100_000)
    given = f"content=Path('{paths[0]}')"
    if how == "files":
        given = f"files={{'a': Path('{paths[0]}'), 'b': Path('{paths[1]}')}}"
    source = f"""
    import resource, sys
    from collections import Counter
    from pathlib import Path
    from patata import Patata, Request
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    url = sys.argv[1] + "/echo-body"
    with Patata(2, concurrency=300, verbose=False) as client:
        requests = (Request(i, url, {given}) for i in range(2_000))
        responses = client.http("post", requests, retries={retries})
        print(Counter((str(r.error), r.status_code, len(r.content) >= 100_000) for r in responses))
    """
    assert script(source, remote) == "Counter({('None', 200, True): 2000})\n"


# Full disks


@pytest.mark.parametrize("coding", ["identity", "gzip", "deflate"])
def test_a_disk_that_is_full_is_a_save_error_in_every_coding(script, folder, coding):
    encode = {"identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[coding]
    source = f"""
    import resource, sys
    from patata import Patata
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
    with Patata(1, verbose=False) as client:
        (response,) = client.http("get", [(1, sys.argv[1])], stream_to="{folder}/{{id}}")
    print(type(response.error).__name__, response.error)
    """
    with RawServer(coded(encode(MEBIBYTE[:900_000]), coding)) as raw:
        printed = script(source, raw.url)
    assert printed.startswith(f"{SaveError.__name__} The body could not be saved")
    assert os.listdir(folder) == []


# Time-outs


def test_no_file_is_left_of_a_response_that_timed_out_while_it_was_decoded(folder):
    # A million members that hold nothing, and one that does: it takes a while to find.
    body = gzip.compress(b"") * 1_000_000 + gzip.compress(b"potato")
    with RawServer(coded(body)) as raw, Patata(1, verbose=False) as client:
        begun = time.monotonic()
        requests = [(1, raw.url)]
        (response,) = client.http("get", requests, stream_to=f"{folder}/{{id}}", timeout=0.4)
        assert isinstance(response.error, RequestTimeoutError)
        # Nor does any come of it later.
        while time.monotonic() < begun + 3:
            assert "1" not in os.listdir(folder)
            time.sleep(0.1)
    assert os.listdir(folder) == []


def test_decoding_holds_nobody_up_and_counts_against_the_attempt_s_time(server):
    body = gzip.compress(b"") * 3_000_000
    with RawServer(coded(body)) as raw, Patata(1, verbose=False) as client:
        bomb = client.http("get", [("bomb", raw.url)], timeout=1.5)
        with ThreadPoolExecutor(1) as pool:
            ended = pool.submit(list, bomb)
            others = client.http("get", [(i, server.url) for i in range(200)])
            assert [r.status_code for r in others] == [200] * 200
            (response,) = ended.result()
    assert isinstance(response.error, RequestTimeoutError)
    with RawServer(coded(body)) as raw, Patata(1, verbose=False) as client:
        # In one call: the good ones are done while the other is still being decoded.
        requests = [("bomb", raw.url), *((i, server.url + "/delay/5") for i in range(200))]
        found = [r.id_ for r in client.http("get", requests, timeout=4)]
    assert found[-1] == "bomb"


def test_a_large_body_is_decoded_elsewhere_and_right(client):
    text = os.urandom(300_000).hex().encode()
    with RawServer(coded(gzip.compress(text))) as raw:
        (response,) = client.http("get", [(1, raw.url)])
    assert response.content == text
    with RawServer(coded(gzip.compress(text)[:-9])) as raw:
        (response,) = client.http("get", [(1, raw.url)])
    assert isinstance(response.error, DecodeError)


def test_a_growth_beyond_the_ratio_is_an_error_that_names_it(client):
    with RawServer(coded(gzip.compress(MEBIBYTE * 4))) as raw:
        request = [(1, raw.url)]
        (response,) = client.http("get", request)
        assert "max_decompression_ratio" in str(response.error)
        for options in [{"max_decompression_ratio": None}, {"max_response_size": None}]:
            (response,) = client.http("get", request, **options)
            assert len(response.content) == 4 << 20
        options = {"max_response_size": None, "max_decompression_ratio": 100}
        (response,) = client.http("get", request, **options)
        assert "more than 100 times" in str(response.error)
    with pytest.raises(ValueError, match="max_decompression_ratio must be"):
        list(client.http("get", [], max_decompression_ratio=0))


# Processes that end in the middle


DOWNLOAD = """
import sys, os, signal, threading, time
from patata import Patata
# Whoever runs the tests in the background may have it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
client = Patata(2, verbose=False)
requests = [(i, sys.argv[1]) for i in range(8)] + [("there", sys.argv[2])]
responses = client.http("get", requests, stream_to=sys.argv[3] + "/{id}")
first = next(responses)
assert first.id_ == "there", first.error
while len([name for name in os.listdir(sys.argv[3]) if name.endswith(".part")]) < 8:
    time.sleep(0.01)
print("begun", flush=True)
"""

ENDINGS = {
    "the script ends": "",
    "sys.exit": "sys.exit(3)",
    "an exception": "raise KeyError",
    "Ctrl-C": "os.kill(os.getpid(), 2); next(responses)",
    "close": "client.close()",
    "a break in the loop": "del responses",
}


@pytest.fixture
def endless():
    """A server whose bodies begin and never end."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n"

    def serve(connection, *_):
        connection.sendall(head + b"x" * 400_000)
        connection.recv(1)

    with RawServer(serve) as raw:
        yield raw.url


def begin(ending, *arguments):
    command = [sys.executable, "-c", DOWNLOAD + ending, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_process_that_ends_in_order_leaves_no_part(endless, server, folder, ending):
    with begin(textwrap.dedent(ENDINGS[ending]), endless, server.url, folder) as process:
        assert process.stdout.readline() == "begun\n", process.stderr.read()
        process.wait(30)
    assert os.listdir(folder) == ["there"]


def test_what_a_killed_process_left_is_removed_by_the_next_and_named(client, endless, server, folder):
    with begin("time.sleep(60)", endless, server.url, folder) as process:
        assert process.stdout.readline() == "begun\n", process.stderr.read()
        process.send_signal(signal.SIGKILL)
    assert len(os.listdir(folder)) == 9
    (folder / ".patata-of-another.part").touch()
    requests = [(i, server.url) for i in range(8)]
    list(client.http("get", requests, stream_to=f"{folder}/{{id}}"))
    assert (client.receipt.removed_parts, client.receipt.removed_parts_in) == (8, folder)
    assert str(folder) in dict(client.receipt.lines())["Removed"]
    expected = [*map(str, range(8)), "there", ".patata-of-another.part"]
    assert eventually(lambda: sorted(os.listdir(folder)) == sorted(expected))


def test_two_processes_that_save_the_same_at_once_do_each_other_no_harm(endless, server, folder):
    with begin("time.sleep(60)", endless, server.url, folder) as process:
        assert process.stdout.readline() == "begun\n", process.stderr.read()
        with Patata(1, verbose=False) as client:
            requests = [(i, server.url + "/bytes/1000") for i in range(8)]
            list(client.http("get", requests, stream_to=f"{folder}/{{id}}"))
            assert client.receipt.removed_parts == 0
        assert [(folder / str(i)).stat().st_size for i in range(8)] == [1000] * 8
        assert len([name for name in os.listdir(folder) if name.endswith(".part")]) == 8
        process.kill()
