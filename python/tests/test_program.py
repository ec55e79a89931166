"""The program of the wheel: the same as the one that cargo builds, out of the extension."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from patata import RunFolder, __version__
from patata.testing import Server
from prometheus_client.parser import text_string_to_metric_families
from support import environment, hear_interrupts

PROGRAM = Path(sys.executable).with_name("patata")
WAYS = {"script": [str(PROGRAM)], "module": [sys.executable, "-m", "patata"]}


@pytest.fixture
def server():
    with Server() as server:
        yield server


def run(way, *arguments, cwd=None, code=0):
    command = [*WAYS[way], *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment(), timeout=60)
    assert done.returncode == code, done
    return done


@pytest.mark.parametrize("way", WAYS)
def test_it_is_there_by_both_names_and_knows_its_version(way):
    assert run(way, "--version").stdout == f"patata {__version__}\n"
    refused = run(way, "run", "--rat", "1/s", code=2)
    assert "--rate" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("way", WAYS)
def test_it_runs_and_python_reads_what_it_wrote_and_goes_on(way, server, tmp_path):
    (tmp_path / "urls.csv").write_text("id,n\n" + "".join(f"a{n},{n}\n" for n in range(200)))
    url = server.url + "/?n={n}"
    run(way, "run", "urls.csv", url, "--id", "id", "-o", "run", "--progress", "none", cwd=tmp_path)
    responses = list(RunFolder(tmp_path / "run").responses())
    assert sorted(response.id_ for response in responses) == sorted(f"a{n}" for n in range(200))
    assert {response.data["message"] for response in responses} == {"Hello world!"}
    again = run(way, "resume", "run", cwd=tmp_path)
    assert "nothing is left to do" in again.stderr
    assert server.requests == 200


def test_rows_go_to_a_pipe(server, tmp_path):
    (tmp_path / "urls.txt").write_text(f"{server.url}/\n" * 20)
    rows = [json.loads(line) for line in run("script", "run", "urls.txt", cwd=tmp_path).stdout.splitlines()]
    assert [row["status"] for row in rows] == [200] * 20


def test_ctrl_c_ends_it_with_its_own_code_and_no_traceback(server, tmp_path):
    (tmp_path / "urls.txt").write_text(f"{server.url}/delay/60000\n")
    command = [*WAYS["module"], "run", "urls.txt", "-o", "run"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=hear_interrupts,
    ) as process:
        while server.requests == 0:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert told.splitlines()[-1].startswith("patata resume")


def test_prometheus_own_parser_reads_what_a_run_serves(server, tmp_path):
    hosts = ["127.0.0.1", "localhost"]
    urls = [server.url.replace("127.0.0.1", host) + path for host in hosts for path in ("/", "/status/404")]
    (tmp_path / "urls.txt").write_text("\n".join([*urls, f"{server.url}/delay/60000"]))
    command = [*WAYS["script"], "run", "urls.txt", "-o", "run", "--metrics", "127.0.0.1:0", "--log", "json"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=hear_interrupts,
    ) as process:
        event = json.loads(process.stderr.readline())
        assert (event["event"], event["level"]) == ("metrics", "info")
        url = event["message"].removeprefix("metrics are at ")
        done = 0
        while done < len(urls):
            with urlopen(url) as answer:
                assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
                text = answer.read().decode()
            families = {family.name: family for family in text_string_to_metric_families(text)}
            done = sum(sample.value for sample in families["patata_requests_done"].samples)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    durations = families["http_client_request_duration_seconds"]
    assert durations.type == "histogram"
    counts = {
        (sample.labels["server_address"], sample.labels["http_response_status_code"]): sample.value
        for sample in durations.samples
        if sample.name.endswith("_count")
    }
    assert counts == {(host, status): 1 for host in hosts for status in ("200", "404")}
    assert families["patata_requests_in_flight"].samples[0].value == 1


def test_completions_and_manual_come_with_the_package():
    share = Path(sys.prefix, "share")
    installed = [
        share / "bash-completion/completions/patata",
        share / "zsh/site-functions/_patata",
        share / "fish/vendor_completions.d/patata.fish",
        share / "man/man1/patata.1",
    ]
    assert [path for path in installed if not path.exists()] == []
