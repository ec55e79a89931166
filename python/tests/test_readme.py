"""The README's section on real APIs runs as it stands there, against servers in the places it names."""

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from patata.testing import LlmServer
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
    "Several processes, one limit",
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
        "200 done, 200 used",
        "of 1000",
        "50 of 50",
        "500 now, 0 before",
        "0 now, 500 before",
        "500 in the folder",
    ]:
        assert part in printed, part
    assert "user-agent" not in printed


@pytest.mark.parametrize(
    ("begin", "end", "parts"),
    [
        (
            "## Pages",
            "## Caching",
            [
                "east 3 10\n",
                "50 potato 49\n",
                "50 ['id', 'name']\n",
                "50 details, 50 followed\n",
                "100 pages, {'RobotsError': 100}\n",
            ],
        ),
        (
            "## Caching",
            "## Bulk calls to LLM APIs",
            [
                "0 hits, 100 misses\n100 hits, 0 misses\nhit\nNot sent: nothing is stored",
                "1000 of 1000 responses\n990 of them",
                "304 unchanged mirror/a",
            ],
        ),
        (
            "## Tables",
            "### On a cluster",
            [
                "│ 3       ┆ 200    ┆ Hello world! ┆ null  │",
                "│ b   ┆ 200    │",
                "2 2\n",
                "600\n",
                "[(200,), (200,), (200,)]",
            ],
        ),
    ],
    ids=["pages and crawls", "caching", "tables"],
)
def test_the_examples_of_a_section_run_one_after_another(tmp_path, monkeypatch, capsys, begin, end, parts):
    text = README.read_text()
    of_section = text[text.index(f"{begin}\n") : text.index(f"\n{end}\n")]
    code = "\n".join(re.findall(r"```python\n(.*?)```", of_section, re.DOTALL))
    monkeypatch.chdir(tmp_path)
    with served(tmp_path) as (ports, _):
        exec(compile(code.replace("12345", str(ports[0])), str(README), "exec"), {})
    printed = capsys.readouterr().out
    for part in parts:
        assert part in printed, part


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


def of_llms():
    text = README.read_text()
    begin = text.index("## Bulk calls to LLM APIs")
    return text[begin : text.index("\n## ", begin)]


def write_prompts(folder):
    prompts = (
        {"id": f"p{number}", "prompt": f"Write a line about potato {number}."} for number in range(200)
    )
    (folder / "prompts.jsonl").write_text("".join(json.dumps(prompt) + "\n" for prompt in prompts))


def test_prompts_are_asked_within_budgets_summed_and_gone_on_with(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_prompts(tmp_path)
    code = "\n".join(re.findall(r"```python\n(.*?)```", of_llms(), re.DOTALL))
    scope = {}
    exec(compile(code.replace("8000", str(free_port())), str(README), "exec"), scope)
    with scope["llm"] as llm:
        assert llm.requests == 200
        first, second, *others = capsys.readouterr().out.splitlines()
        # Six words there and back.
        assert first.startswith(f"200 {llm.tokens}.0 tokens of ")
        assert llm.tokens == 200 * 12
        assert second == "200 done before; 0 refused"
        assert others == []


def test_the_program_asks_prompts_within_budgets_and_tells_what_they_have_cost(tmp_path):
    write_prompts(tmp_path)
    (block,) = re.findall(r"```\n(patata run .*?)```", of_llms(), re.DOTALL)
    ask, go_on = block.replace("\\\n", " ").strip().splitlines()
    with LlmServer(requests_per_minute=10_000, tokens_per_minute=2_000_000) as llm:
        commands = [shlex.split(line.replace("https://api.example", llm.url)) for line in (ask, go_on)]
        program = Path(sys.executable).with_name("patata")
        told = [
            subprocess.run(
                [program, *command[1:]],
                cwd=tmp_path,
                env={**environment(), "API_KEY": "secret"},
                check=True,
                capture_output=True,
                text=True,
            ).stderr
            for command in commands
        ]
        assert (llm.requests, llm.refused, llm.tokens) == (200, 0, 200 * 12)
    assert "cost 2,400 tokens (estimated 16,000)" in told[0]
    assert "nothing is left to do" in told[1]
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["costs"]["tokens"] == {"estimated": 16_000, "settled": 2_400}
    assert summary["costs"]["requests"]["settled"] == 200
    assert "2,400 tokens (estimated 16,000)" in (tmp_path / "run/report.html").read_text()
    assert not any(
        "secret" in path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()
    )
