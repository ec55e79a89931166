"""What ``python -m patata.testing`` serves, and what it says of it."""

import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import environment, free_port, hear_interrupts, run_python


@contextmanager
def served(folder):
    """What ``python -m patata.testing`` serves, from its start to Ctrl-C: the ports, and what it printed."""
    ports = [free_port() for _ in range(3)]
    process = subprocess.Popen(
        [sys.executable, "-m", "patata.testing", *map(str, ports)],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )
    try:
        yield ports, [process.stdout.readline().rstrip() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[0] == "stopped\n"
    finally:
        process.kill()
        process.communicate()


def test_the_server_of_the_package_says_where_it_is_and_leaves_nothing(tmp_path):
    with served(tmp_path) as (ports, printed):
        assert printed == [
            f"listening on http://127.0.0.1:{ports[0]}, until Ctrl-C",
            f"over TLS on https://127.0.0.1:{ports[1]}, with verify={str(tmp_path / 'ca.pem')!r}",
            f"proxy on http://user:password@127.0.0.1:{ports[2]}",
        ]
        assert (tmp_path / "ca.pem").read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert list(tmp_path.iterdir()) == []


def test_it_overwrites_no_other_authority(tmp_path):
    (tmp_path / "ca.pem").write_text("mine")
    with served(tmp_path) as (_, printed):
        assert str(tmp_path) not in printed[1]
        other = Path(printed[1].split("verify=")[1].strip("'"))
        assert other.read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert (tmp_path / "ca.pem").read_text() == "mine"
    assert not other.exists()


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_port_that_is_taken_is_told_in_a_sentence(which):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = [free_port() for _ in range(which)]
        done = run_python("-m", "patata.testing", *ports, port)
    assert done.returncode == 1
    assert done.stderr.startswith(f"port {port} cannot be had (")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
