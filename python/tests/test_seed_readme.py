"""The examples of the older package's README, as they stand there: typed in, and run as scripts."""

import re
from pathlib import Path

import pytest
from patata import Patata
from support import run_python

EXAMPLES = Path(__file__).parent / "seed_examples"
PROMPT = re.compile(r"^(?:>>>|\.\.\.) ?")


def example(name, api):
    """What the user types, and what the README shows to come back."""
    lines = (EXAMPLES / f"{name}.pycon").read_text().splitlines()
    typed = [
        PROMPT.sub("", line).replace("http://localhost:12345", api) for line in lines if PROMPT.match(line)
    ]
    shown = [line for line in lines if not PROMPT.match(line)]
    if name == "get":
        # This one alone forgets to.
        typed.insert(0, "from patata import Patata")
    return typed, shown


def as_typed(name, api):
    """A session at the prompt: what comes back on standard output, and on standard error the log."""
    typed, shown = example(name, api)
    done = run_python("-i", "-q", stdin="\n".join(typed) + "\n")
    assert done.returncode == 0
    return done.stdout.splitlines(), log_of(done.stderr), shown


def as_a_script(name, api, script_path):
    """A script without a guard, which prints what the prompt would show."""
    typed, shown = example(name, api)
    typed = ["print(repr(_.pop()))" if line == "_.pop()" else line for line in typed]
    script_path.write_text("\n".join(typed) + "\n")
    done = run_python(script_path)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), log_of(done.stderr, alone=True), shown


def log_of(text, alone=False):
    prompts = re.compile(r"^(?:>>> |\.\.\. )+")
    lines = [prompts.sub("", line) for line in text.splitlines()]
    log = [line for line in lines if line.startswith("patata ")]
    others = [line for line in lines if line and line not in log and line != ">>>"]
    assert not others or not alone, others
    assert "Traceback" not in text, text
    return log


def log_shown(shown):
    """The README's log as a pattern: figures that depend on the machine may be others."""
    workers = Patata().num_workers
    lines = [re.escape(line) for line in shown if line.startswith("patata ")]
    assert len(lines) == 11
    lines[2] = lines[2].replace("8", str(workers))
    lines[3] = lines[3].replace("True", str(workers > 1))
    lines[9:] = [re.sub(r"\d+\\\.\d\d", r"\\d+\\.\\d\\d", line) for line in lines[9:]]
    return lines


def check_log(log, shown):
    """The README's lines, and behind them the receipt."""
    patterns = log_shown(shown)
    for line, pattern in zip(log, patterns, strict=False):
        assert re.fullmatch(pattern, line), (line, pattern)
    names = [line.split(":")[0].split("INFO")[1].strip() for line in log[len(patterns) :]]
    assert names == ["Ok", "Failed", "Cancelled", "Attempts", "Bytes", "Latency (s)"], log


def run_example(how, name, api, tmp_path):
    return as_typed(name, api) if how == "typed" else as_a_script(name, api, tmp_path / f"{name}.py")


@pytest.mark.parametrize("how", ["typed", "script"])
def test_ten_thousand_gets_from_a_generator(how, api, tmp_path):
    out, log, shown = run_example(how, "get", api, tmp_path)
    check_log(log, shown)
    assert len(out) == 1
    last = re.fullmatch(r"Response\(id_=(\d+), status_code=200, data={'message': 'Hello world!'}\)", out[0])
    assert last, out
    assert int(last[1]) in range(10_000)


@pytest.mark.parametrize("how", ["typed", "script"])
def test_a_callback_changes_the_id(how, api, tmp_path):
    out, log, shown = run_example(how, "callback", api, tmp_path)
    check_log(log, shown)
    assert out == ["Response(id_=1337, status_code=200, data={'message': 'Hello world!'})"]
    assert out == [line for line in shown if not line.startswith("patata ")]


@pytest.mark.parametrize("how", ["typed", "script"])
def test_two_posts_are_printed_without_a_log(how, api, tmp_path):
    out, log, shown = run_example(how, "post", api, tmp_path)
    assert log == []
    assert (
        sorted(out)
        == sorted(shown)
        == [
            "id_=1 status_code=200 data={'hello': 'POST 1'}",
            "id_=2 status_code=200 data={'hello': 'POST 2'}",
        ]
    )


def test_each_line_of_the_log_has_the_layout_of_the_readme(api, tmp_path):
    _, log, _ = run_example("script", "callback", api, tmp_path)
    assert all(line.startswith(f"{'patata':<20}{'INFO':<10}") for line in log)


def test_the_output_tuple_is_the_id_and_the_json(api):
    with Patata(verbose=False) as client:
        outputs = dict(iter(response) for response in client.http("GET", [(5, api), (6, f"{api}/")]))
    assert outputs == {5: {"message": "Hello world!"}, 6: {"message": "Hello world!"}}


def test_every_parameter_of_the_readme_is_taken(api):
    with Patata(
        num_workers=2,
        queue_max_size=100,
        input_chunk_size=10,
        pool_submit_size=5,
        verbose_level=0,
    ) as client:
        responses = list(
            client.http(method="GET", requests=[(i, api) for i in range(30)], callbacks=[], retries=2)
        )
    assert sorted(response.id_ for response in responses) == list(range(30))
