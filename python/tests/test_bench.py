"""The contest's own parts: adapters that can be read without their peers, verdicts, and the picture."""

import importlib
import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
# Last, and `peers` as a folder: that is another module here.
sys.path += [str(BENCH), str(BENCH / "peers")]

import contest  # noqa: E402
import plot  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402

job_module = importlib.import_module("job")
PAYLOAD, Job = job_module.PAYLOAD, job_module.Job

NAMES = {scenario.name for scenario in SCENARIOS}


@pytest.mark.parametrize("peer", contest.PEERS)
def test_a_peer_is_pinned_and_says_what_it_cannot_do(peer):
    wanted = contest.requirements(peer)
    assert all("==" in requirement for requirement in wanted)
    assert bool(wanted) == (peer not in contest.OURS)
    assert contest.cannot(peer).keys() <= NAMES


def test_a_job_counts_what_is_right_wrong_and_twice():
    job = Job(
        method="POST",
        urls=["http://a/", "http://b/"],
        count=4,
        connections=2,
        sends=True,
        fails_every=3,
        name="round",
    )
    assert [url for _, url, _ in job.items()] == [
        "http://a/flaky/round-0/1",
        "http://b/",
        "http://a/",
        "http://b/flaky/round-3/1",
    ]
    job.take(0, 200, PAYLOAD)
    job.take(0, 200, PAYLOAD)
    job.take(1, 200, {})
    job.take(2, 503, PAYLOAD)
    assert (job.right, job.wrong, job.opened) == ({0}, 3, 0)
    job.take(3, 200, PAYLOAD)
    assert job.opened > 0


def entry(cpu, right=100):
    figures = {
        "cpu_microseconds": cpu,
        "wall_microseconds": 10,
        "requests_per_second": 1000,
        "steady_per_second": 980,
        "peak_megabytes": 50,
        "start_seconds": 1,
    }
    return contest.Entry([{**figures, "right": right, "wrong": 0, "lost": 100 - right, "count": 100}])


def test_verdicts_name_the_best_peer_that_did_the_work():
    get = next(scenario for scenario in SCENARIOS if scenario.name == "get")
    entries = {
        "patata": entry(10),
        "patata_two": entry(12),
        "aiohttp": entry(50),
        "httpx": entry(20, right=99),
        "mure": contest.Entry(reason="failed"),
    }
    assert contest.judge(get, entries, limit=9, ideal=1_000) == [
        "1.11 times wrk, at most 1.25: met",
        "once its connections are open 98.0% of the ideal, at least 97%: met",
        "0.20 of the best peer's (aiohttp), at most 0.33: met",
        "two workers take 1.20 times one's CPU, at most 1.10: MISSED",
    ]
    entries["patata"] = entry(10, right=99)
    assert "patata lost answers: MISSED" in contest.judge(get, entries, limit=9, ideal=None)


def test_verdicts_say_who_else_has_all_answers():
    failing = next(scenario for scenario in SCENARIOS if scenario.name == "failing")
    entries = {"patata": entry(10), "aiohttp": entry(50), "httpx": entry(20, right=99)}
    verdicts = contest.judge(failing, entries, limit=None, ideal=None)
    assert verdicts[-1] == "all answers right; of the others, those of aiohttp"


@pytest.mark.parametrize("theme", plot.THEMES)
def test_the_picture_is_of_the_results(theme):
    measured = json.loads((BENCH / "results" / "contest.json").read_text())
    image = ElementTree.fromstring(plot.picture(theme, measured["scenarios"], "a machine"))
    width, height = float(image.attrib["width"]), float(image.attrib["height"])
    for bar in image.iterfind("{*}rect"):
        if bar.attrib["width"] != "100%":
            assert 0 < float(bar.attrib["x"]) + float(bar.attrib["width"]) < width
            assert 0 < float(bar.attrib["y"]) < height
    words = [text.text for text in image.iterfind("{*}text")]
    assert all(any(one["title"] in word for word in words) for one in measured["scenarios"][1:])
    assert words.count("patata") == len(measured["scenarios"])
