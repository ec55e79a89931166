"""The README's section on real APIs runs as it stands there, against servers in the places it names."""

import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import environment, free_port, hear_interrupts, run_python

README = Path(__file__).parents[2] / "README.md"
TOPICS = [
    "One request",
    "A call under way",
    "Authentication",
    "Headers",
    "Parameters",
    "JSON",
    "A form",
    "Uploading",
    "Downloading",
    "proxy",
    "HTTP/2",
    "asyncio",
    "Limits",
    "auto",
    "Retries",
    "Time and failures",
    "receipt",
    "outlives its process",
    "misbehaves",
]


def section():
    text = README.read_text()
    return text[text.index("## Calling real APIs") : text.index("### From Rust")]


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


def test_its_examples_run_one_after_another_against_the_server_of_the_package(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = "\n".join(re.findall(r"```python\n(.*?)```", section(), re.DOTALL))
    with served(tmp_path) as (ports, _):
        for there, here in zip(
            ["http://localhost:12345", "https://localhost:8443/", "@localhost:3128"], ports, strict=True
        ):
            assert there in code
            code = code.replace(there, re.sub(r"\d+", str(here), there))
        assert 'verify="ca.pem"' in code
        exec(compile(code, str(README), "exec"), {})
    printed = capsys.readouterr().out
    for part in [
        "200 True page=2",
        '{"name":"potato"}',
        "eu Bearer token-1",
        "us Bearer token-2",
        "'x-api-key': 'key'",
        "/echo?sort=name&page=2&tag=a+b&tag=c",
        "{'at': '2026-01-31T12:30:00', 'price': 1.1} True",
        "name=potato&tags=a&tags=b",
        "multipart/form-data; boundary=",
        "downloads/file-5000000.bin 5000000",
        "{'message': 'Hello world!'}",
        "2 200",
        "4 200 3",
        "{'status 403': 1} [",
        "{403: 1} {} ",
        "consumer 1000",
        "of 1000",
        "50 of 50",
        "500 now, 0 before",
        "0 now, 500 before",
        "500 in the folder",
    ]:
        assert part in printed, part
    assert "user-agent" not in printed


@pytest.mark.parametrize("topic", TOPICS)
def test_it_has_an_example_for_each(topic):
    assert topic in section()


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
