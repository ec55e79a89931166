"""Helpers of the tests: peers that break the rules, scripts in processes of their own, what is open."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

HERE = Path(__file__).parent

# An expression for scripts: the most memory that their process has had, in MiB. The kernel's `ru_maxrss`
# may say more: it begins with the peak of the process that started this one.
PEAK_MEGABYTES = "next(int(one.split()[1]) for one in open('/proc/self/status') if 'VmHWM' in one) / 1024"


class RawServer:
    """A server that reads one request a connection and hands the socket to ``serve``.

    ``serve`` gets the connection, the head and the body that came with it; what it returns is sent, and
    the connection closed.
    """

    def __init__(self, serve):
        self._serve = serve if callable(serve) else lambda *_: serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = set()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.heads = []
        self.bodies = []

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(30)
            with self._lock:
                self._open.add(connection)
            thread = threading.Thread(target=self._answer, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _answer(self, connection):
        with suppress(OSError), connection:
            head, body = read_request(connection)
            if head:
                self.heads.append(head)
                self.bodies.append(body)
                answer = self._serve(connection, head, body)
                if answer:
                    connection.sendall(answer)
                    # Closed only once the client has read everything: else a reset may overtake it.
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(1)
        with self._lock:
            self._open.discard(connection)

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(30)


def read_request(connection):
    """The head and the body of one request, as bytes."""
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        if not more:
            return received, b""
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return head, body


def answer(body=b"", *headers, status="200 OK"):
    """An answer of HTTP/1.1 with the right length, after which the connection is closed."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def refusing_url():
    """A URL of a port that is taken, and at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"


def free_port(preferred=0):
    """A port that nobody has: the preferred one if it is one of these."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return probe.getsockname()[1]
    raise AssertionError("no port is free")


def environment():
    """What scripts are run with: they may import this module, and tell where they hang when aborted."""
    return os.environ | {"PYTHONPATH": str(HERE), "PYTHONFAULTHANDLER": "1", "PYTHONUNBUFFERED": "1"}


def run_python(*arguments, stdin="", timeout=60):
    """Runs the interpreter to its end, and that of all processes that it leaves behind."""
    process = start_python(*arguments, stdin=subprocess.PIPE)
    try:
        out, err = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGABRT)
        out, err = process.communicate(timeout=10)
        raise AssertionError(f"it did not end within {timeout} s\n{out}\n{err}") from None
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


@contextmanager
def running(*arguments):
    """A Python program, while the block runs."""
    process = start_python(*arguments, stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        # With the workers that some servers have.
        end(process)
        process.communicate()


def end(process):
    """Kills a program, with all that it has started, where the system knows groups of processes."""
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def start_python(*arguments, stdin=subprocess.DEVNULL):
    """Starts the interpreter as the leader of a process group of its own."""
    group = {"start_new_session": True, "preexec_fn": hear_interrupts} if sys.platform != "win32" else {}
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        **group,
    )


def hear_interrupts():
    """What a child calls before it becomes its program: in the background it would ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


EARLIER: set[str] = set()
"""The threads that were there when the test began: those of clients that other tests go on to use."""


def engine_threads(earlier=EARLIER):
    """The names of the threads that run event loops of the engine, as far as this test has begun them."""
    names = {}
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            names[task.name] = (task / "comm").read_text().strip()
    ours = {task: name for task, name in names.items() if re.fullmatch(r"patata-\d+", name)}
    return [name for task, name in ours.items() if task not in earlier]


def forget_engine_threads():
    """Leaves those out that are there now."""
    EARLIER.clear()
    # Where there is none, no test looks at them.
    tasks = Path("/proc/self/task")
    if tasks.exists():
        EARLIER.update(task.name for task in tasks.iterdir())


def descriptors():
    """What this process has open: sockets, event queues and the like, without files."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.append(os.readlink(entry))
    return sorted(name.split(":")[0] for name in found if not name.startswith("/"))


def more_descriptors(before):
    """What is open beyond what was before: clients of other tests may close theirs meanwhile."""
    return sorted((Counter(descriptors()) - Counter(before)).elements())


def children():
    """The processes that serve this one: without trackers, which stay, and what has a session of its own."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            state, parent, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            ours = int(parent) == os.getpid() and int(session) == os.getsid(0)
            if ours and state != "Z" and "resource_tracker" not in command:
                found.append((int(entry.name), command))
    return found


def eventually(condition, seconds=10):
    """Whether the condition comes true; it is asked until it does."""
    end = time.monotonic() + seconds
    while not (true := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return true
