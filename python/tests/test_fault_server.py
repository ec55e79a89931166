"""All that a server can do wrong, at once, and as a user would try a job against it."""

import json

import pytest
from patata import Patata
from patata.testing import FaultServer
from support import PEAK_MEGABYTES, run_python

SCRIPT = f"""
import json, sys
from patata import Patata

job = json.load(sys.stdin)
options = {{"verify": job["authority"], "timeout": 3, "concurrency": 100, "max_response_size": 8_000_000}}
with Patata(2, verbose=False, **options) as client:
    ended = {{}}
    for response in client.http("get", map(tuple, job["requests"])):
        outcome = [response.status_code, response.error is None, response.data]
        ended.setdefault(response.id_, []).append(outcome)
receipt = client.receipt
result = {{"ended": ended, "megabytes": {PEAK_MEGABYTES}, "sum": receipt.ok + receipt.failed}}
print(json.dumps(result, default=repr))
"""


def test_all_faults_at_once_leave_a_thousand_good_requests_right(tmp_path):
    authority = tmp_path / "authority.pem"
    program = tmp_path / "program.py"
    program.write_text(SCRIPT)
    with FaultServer() as server:
        authority.write_text(server.authority_pem)
        faults = [name for name in FaultServer.faults() if not name.startswith("status/")]
        good = [(f"good {i}", f"{server.url}/?{i}") for i in range(1000)]
        bad = [(name, server.tls_url_of(name)) for name in faults]
        requests = [item for pair in zip(good, bad * 7, strict=False) for item in pair][: 2 * len(bad)]
        requests += good[len(bad) :]
        job = {"authority": str(authority), "requests": requests}
        done = run_python(program, stdin=json.dumps(job))
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    ended = result["ended"]
    assert len(ended) == result["sum"] == 1000 + len(faults) > 1150
    assert {len(outcomes) for outcomes in ended.values()} == {1}
    right = [[200, True, {"message": "Hello world!"}]]
    assert [id_ for id_, _ in good if ended[id_] != right] == []
    # Four of them never stop sending: what is held of each ends at max_response_size.
    assert result["megabytes"] < 150


def test_each_fault_has_a_name_a_text_and_a_url():
    with FaultServer() as server:
        faults = server.faults()
        assert len(faults) > 150
        for name, text in faults.items():
            assert text
            assert server.url_of(name).startswith("http")
            assert server.tls_url_of(name).startswith("http")


def test_a_fault_that_does_not_exist_is_a_value_error():
    with FaultServer() as server, pytest.raises(ValueError, match='"no/such"'):
        server.url_of("no/such")


def test_the_same_seed_lets_the_same_requests_meet_a_fault():
    def met(seed):
        with FaultServer(seed) as server, Patata(1, verbose=False) as client:
            requests = [(i, f"{server.url}/sometimes/30/close/after-request?id={i}") for i in range(200)]
            return {response.id_ for response in client.http("get", requests) if response.error}

    assert met(1) == met(1) != met(2)
    assert 30 < len(met(1)) < 90


def test_a_server_that_has_been_stopped_says_so():
    server = FaultServer()
    server.stop()
    with pytest.raises(RuntimeError, match="stopped"):
        server.url_of("close/in-body")
