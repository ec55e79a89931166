"""The progress bar: on a terminal, or where it is forced, and what it says."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time

import pytest
from patata import Patata
from support import run_python

SCRIPT = """
import sys
from patata import Patata

url, progress, options = sys.argv[1], eval(sys.argv[2]), eval(sys.argv[3])
slow = options.pop("slow", 0)
with Patata(1, verbose=False) as client:
    requests = [(i, url) for i in range(options.pop("count", 60))]
    for response in client.http("get", requests, progress=progress, **options):
        if slow:
            import time
            time.sleep(slow)
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(SCRIPT)
    return path


def on_a_terminal(*arguments):
    """What a program writes to a terminal that is its standard error."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 160, 0, 0))
    process = subprocess.Popen([sys.executable, *map(str, arguments)], stderr=theirs)
    os.close(theirs)
    written = b""
    while True:
        select.select([ours], [], [])
        try:
            data = os.read(ours, 4096)
        except OSError:
            break
        if not data:
            break
        written += data
    os.close(ours)
    assert process.wait() == 0
    return written.decode()


def test_a_terminal_shows_it(program, remote):
    text = on_a_terminal(program, remote + "/delay/20", True, {"concurrency": 2})
    assert "60/60" in text
    assert re.search(
        r"\d+/60 \[\d\d:\d\d<\d\d:\d\d, +[\d.]+req/s, failed 0, in flight 2, limit: concurrency\]", text
    )


def test_a_pipe_does_not_unless_it_is_forced(program, remote):
    assert run_python(program, remote, "True", "{}").stderr == ""
    assert "60/60" in run_python(program, remote, "'force'", "{}").stderr


GONE = """
import os, sys
from patata import Patata

url, how = sys.argv[1:]
if how == "missing":
    sys.stderr = None
elif how == "closed":
    sys.stderr.close()
def requests():
    for number in range(30):
        if how == "broken" and number == 10:
            # Whoever read it has gone.
            reading, writing = os.pipe()
            os.close(reading)
            os.dup2(writing, 2)
        yield number, url
with Patata(1, verbose=False, concurrency=2) as client:
    print(len(list(client.http("get", requests(), progress="force"))))
"""


@pytest.mark.parametrize("how", ["missing", "closed", "broken"])
def test_a_standard_error_that_is_gone_costs_the_bar_and_not_the_call(tmp_path, remote, how):
    program = tmp_path / "program.py"
    program.write_text(GONE)
    assert run_python(program, remote + "/delay/20", how).stdout == "30\n"


@pytest.mark.parametrize(
    ("path", "options", "limit"),
    [
        ("/", {"rate": "50/s"}, "rate"),
        ("/delay/20", {"concurrency": 2}, "concurrency"),
        ("/delay/900", {}, "server"),
        ("/", {"slow": 0.02}, "consumer"),
    ],
)
def test_it_says_what_limits_the_call(program, remote, path, options, limit):
    text = run_python(program, remote + path, "'force'", repr(options)).stderr
    assert f"limit: {limit}]" in text


def test_it_counts_failures(program, remote):
    assert "failed 60" in run_python(program, remote + "/status/404", "'force'", "{}").stderr


def test_a_slow_input_is_told_and_no_thread_is_left(server, capfd):
    def slow():
        for i in range(20):
            time.sleep(0.03)
            yield i, server.url

    with Patata(1, verbose=False, progress="force") as client:
        assert len(list(client.http("get", slow()))) == 20
        responses = client.http("get", [(i, server.url + "/delay/5000") for i in range(5)])
        closing = threading.Timer(0.3, client.close)
        closing.start()
        with pytest.raises(Exception, match="closed"):
            next(responses)
        closing.join()
    text = capfd.readouterr().err
    assert "limit: input]" in text
    assert "20req" in text
    assert not [thread.name for thread in threading.enumerate() if "progress" in thread.name]
