"""The README's section on real APIs runs as it stands there, against servers in the places it names."""

import re
from pathlib import Path

import peers
import pytest

README = Path(__file__).parents[2] / "README.md"
TOPICS = [
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
    "misbehaves",
]


def section():
    text = README.read_text()
    return text[text.index("## Calling real APIs") : text.index("### From Rust")]


@pytest.fixture
def proxy():
    """The address of a proxy that wants the README's credentials."""
    with peers.pproxy("user:password") as address:
        yield address


def test_its_examples_run_one_after_another(
    server, httpbin, certificates, proxy, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "*")
    code = "\n".join(re.findall(r"```python\n(.*?)```", section(), re.DOTALL))
    for there, here in {
        "http://localhost:12345": server.url,
        "https://localhost:8443/": httpbin[1] + "/get",
        "ca.pem": str(certificates.ca),
        "localhost:3128": proxy,
    }.items():
        assert there in code
        code = code.replace(there, here)
    exec(compile(code, str(README), "exec"), {})
    printed = capsys.readouterr().out
    for part in [
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
        "of 1000",
        "50 of 50",
    ]:
        assert part in printed, part
    assert "user-agent" not in printed


@pytest.mark.parametrize("topic", TOPICS)
def test_it_has_an_example_for_each(topic):
    assert topic in section()
