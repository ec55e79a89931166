"""In a real Jupyter kernel: the bar, what is shown as HTML, and cells that are interrupted."""

import sys

import nbformat
import pytest
from kernels import Kernel
from looked_at import text_of
from nbclient import NotebookClient
from support import eventually

SET_UP = """
import asyncio, gc, sys, threading, time, warnings
from itertools import count
from patata import AsyncPatata, Patata, RunFolder

url = {url!r}
client, aclient = Patata(1, verbose=False), AsyncPatata(1, verbose=False)

def endless(path="/delay/50"):
    return ((id_, url + path) for id_ in count())

def threads():
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("patata"))
"""

LONGEST = 1.0
"""Seconds within which a cell that is interrupted ends."""


@pytest.fixture(scope="module")
def kernel(remote):
    with Kernel() as kernel:
        assert not kernel.run(SET_UP.format(url=remote)).error
        yield kernel


@pytest.fixture(autouse=True)
def _nothing_is_left(kernel):
    """The next cell finds clients that work, no thread of a call, and no warning."""
    yield
    cell = kernel.run(
        "gc.collect()\n"
        "deadline = time.monotonic() + 5\n"
        "while threads() and time.monotonic() < deadline: await asyncio.sleep(0.01)\n"
        "print(threads())\n"
        "print(len(list(client.http('get', [(i, url) for i in range(20)]))))\n"
        "print(len([each async for each in aclient.http('get', [(i, url) for i in range(20)])]))"
    )
    assert not cell.error
    assert cell.out == "[]\n20\n20\n"
    assert cell.streams["stderr"] == ""


def bar_of(kernel, cell):
    """The one bar of a cell as it is now, as text, which its HTML says too."""
    (id_,) = cell.displays
    bundle = kernel.shown[id_]
    told = text_of(bundle["text/html"])
    assert bundle["text/plain"].partition(",")[0].partition(" (")[0] in told
    return bundle["text/plain"]


def test_a_call_has_a_bar_that_is_drawn_anew_in_its_place(kernel):
    cell = kernel.run(
        "for response in client.http('get', [(i, url + '/delay/20') for i in range(200)],"
        " concurrency=4, progress=True): pass"
    )
    assert not cell.error
    assert cell.streams == {"stdout": "", "stderr": ""}
    told = bar_of(kernel, cell)
    assert told.startswith("200 of 200 (100 %), ")
    assert told.endswith(", done")
    for part in ("/s on average, in ", ", 0 failed, p50 ", ", p99 "):
        assert part in told
    middle = [bundle["text/plain"] for bundle in cell.updates[1:-1]]
    assert 2 <= len(middle) <= 20
    assert all("4 in flight, limited by concurrency" in each for each in middle)
    assert any(" s left" in each or " ms left" in each for each in middle)
    counts = [int(each.split()[0]) for each in middle]
    assert counts == sorted(counts)


def test_failures_are_counted_and_named(kernel):
    cell = kernel.run(
        "_ = list(client.http('get', [(i, url + '/status/404') for i in range(9)], progress=True))"
    )
    assert "9 failed" in bar_of(kernel, cell)
    assert "9 failed (status 404: 9)" in text_of(kernel.shown[cell.displays[0]]["text/html"])


def test_a_bar_that_is_forced_is_the_same(kernel):
    cell = kernel.run("_ = list(client.http('get', [(1, url)], progress='force'))")
    assert bar_of(kernel, cell).startswith("1 of 1")


def test_without_progress_there_is_none(kernel):
    assert not kernel.run("_ = list(client.http('get', [(1, url)]))").displays


def test_an_input_of_unknown_length_has_a_bar(kernel):
    cell = kernel.run("_ = list(client.http('get', ((i, url) for i in range(30)), progress=True))")
    assert bar_of(kernel, cell).startswith("30 done, ")


def test_a_call_on_the_event_loop_of_the_notebook_has_a_bar(kernel):
    cell = kernel.run(
        "len([each async for each in aclient.http('get', [(i, url + '/delay/20') for i in range(100)],"
        " concurrency=4, progress=True)])"
    )
    assert cell.result["text/plain"] == "100"
    assert len(cell.updates) >= 2
    assert bar_of(kernel, cell).startswith("100 of 100 (100 %)")


def test_a_fetch_has_a_bar(kernel):
    cell = kernel.run(
        "import pyarrow\n"
        "client.fetch(pyarrow.table({'url': [url] * 20}), progress=True).num_rows,"
        " (await aclient.fetch(pyarrow.table({'url': [url] * 20}), progress=True)).num_rows"
    )
    assert cell.result["text/plain"] == "(20, 20)"
    assert len(cell.displays) == 2
    assert all(kernel.shown[id_]["text/plain"].startswith("20 ") for id_ in cell.displays)


def test_what_an_earlier_process_has_done_makes_no_rate(kernel, tmp_path):
    run = (
        f"_ = list(client.http('get', [(i, url) for i in range(500)], run_folder={str(tmp_path / 'run')!r},"
        " progress=True))"
    )
    kernel.run(run)
    told = bar_of(kernel, kernel.run(run))
    assert told.startswith("500 of 500 (100 %), 0/s on average")


def test_a_task_that_outlives_its_cell_is_shown_to_its_end(kernel):
    cell = kernel.run(
        "async def main():\n"
        "    async for _ in aclient.http('get', [(i, url + '/delay/20') for i in range(150)],"
        " concurrency=4, progress=True): pass\n"
        "task = asyncio.create_task(main())\n"
        "await asyncio.sleep(0.1)"
    )
    assert "limited by concurrency" in bar_of(kernel, cell) or cell.updates == []
    assert eventually(lambda: kernel.watch(0.3) is not None and bar_of(kernel, cell).endswith("done"))


def test_a_thread_of_the_users_has_a_bar(kernel):
    cell = kernel.run(
        "def main(): list(client.http('get', [(i, url + '/delay/20') for i in range(150)],"
        " concurrency=4, progress=True))\n"
        "thread = threading.Thread(target=main)\nthread.start()"
    )
    assert eventually(lambda: kernel.watch(0.3) is not None and bar_of(kernel, cell).endswith("done"))
    kernel.run("thread.join()")


def test_the_child_of_a_fork_has_none_and_its_call_goes_on(kernel):
    cell = kernel.run(
        "import os\n"
        "reading, writing = os.pipe()\n"
        "if (child := os.fork()) == 0:\n"
        "    with Patata(1, verbose=False) as own:\n"
        "        done = len(list(own.http('get', [(i, url) for i in range(7)], progress=True)))\n"
        "    os.write(writing, str(done).encode())\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "os.read(reading, 9)"
    )
    assert cell.result["text/plain"] == "b'7'"
    assert cell.displays == []


ENDINGS = {
    "a deadline": ("deadline=0.2, concurrency=1", "ended early: DeadlineExceededError"),
    "failures": ("max_failures=2, headers={'x': 'y'}", "ended early: TooManyFailures"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_the_bar_says_how_a_call_has_ended(kernel, name):
    options, expected = ENDINGS[name]
    path = "/status/500" if name == "failures" else "/delay/50"
    cell = kernel.run(f"_ = list(client.http('get', endless({path!r}), progress=True, {options}))")
    assert cell.error
    assert bar_of(kernel, cell).endswith(expected)


def test_a_call_that_is_left_on_purpose_says_that_it_ended_early(kernel):
    cell = kernel.run("for _ in client.http('get', endless(), progress=True): break")
    assert bar_of(kernel, cell).endswith(", ended early")


def test_a_client_that_is_closed_meanwhile_ends_the_bar(kernel):
    cell = kernel.run(
        "async with AsyncPatata(1, verbose=False) as own:\n"
        "    responses = own.http('get', endless(), progress=True)\n"
        "    await responses.__anext__()\n"
    )
    assert bar_of(kernel, cell).endswith("ended early: ClientClosedError")


INTERRUPTED = {
    "for": "for each in client.http('get', endless(), concurrency=4, progress=True): got.append(each)",
    "for, of a variable": (
        "responses = client.http('get', endless(), concurrency=4, progress=True)\n"
        "for each in responses: got.append(each)"
    ),
    "async for": (
        "async for each in aclient.http('get', endless(), concurrency=4, progress=True): got.append(each)"
    ),
    "async for, of a variable": (
        "responses = aclient.http('get', endless(), concurrency=4, progress=True)\n"
        "async for each in responses: got.append(each)"
    ),
}


@pytest.mark.parametrize("how", INTERRUPTED)
def test_a_cell_that_is_interrupted_ends_at_once_and_keeps_what_came(kernel, how):
    is_async = "async" in how
    cell = kernel.run("got = []\n" + INTERRUPTED[how], interrupt_after=0.7)
    assert cell.error[0] == ("CancelledError" if is_async else "KeyboardInterrupt")
    assert cell.seconds < LONGEST
    assert cell.streams["stderr"] == ""
    assert bar_of(kernel, cell).endswith(", interrupted")
    of = "aclient" if is_async else "client"
    own = "responses.receipt" if "variable" in how else "receipt"
    after = kernel.run(
        f"receipt = {of}.receipt\n"
        "print(len(got) > 20, receipt.ok == len(got), sys.last_value.receipt is receipt)\n"
        f"print(receipt.submitted == receipt.ok + receipt.cancelled, {own} is receipt)"
    )
    assert after.out == "True True True\nTrue True\n"
    assert after.streams["stderr"] == ""


BLOCKED = {
    "list": "list(client.http('get', endless('/delay/60000'), progress=True))",
    "one request": "client.get(url + '/delay/60000')",
    "await one request": "await aclient.get(url + '/delay/60000')",
    "await a list": "[each async for each in aclient.http('get', endless('/delay/60000'), progress=True)]",
    "fetch": "import pyarrow\nclient.fetch(pyarrow.table({'url': [url + '/delay/60000']}), progress=True)",
    "await fetch": (
        "import pyarrow\nawait aclient.fetch(pyarrow.table({'url': [url + '/delay/60000']}), progress=True)"
    ),
    "the body of an async for": (
        "async for _ in aclient.http('get', endless(), progress=True): await asyncio.sleep(60)"
    ),
    "an input that waits": (
        "def waits():\n    yield 1, url\n    time.sleep(60)\nlist(client.http('get', waits(), progress=True))"
    ),
    "a callback": "list(client.http('get', endless(), [lambda response: time.sleep(60)], progress=True))",
}


@pytest.mark.parametrize("what", BLOCKED)
def test_what_waits_for_something_slow_is_interrupted_at_once(kernel, what):
    cell = kernel.run(BLOCKED[what], interrupt_after=0.7)
    assert cell.error[0] in ("CancelledError", "KeyboardInterrupt")
    assert cell.seconds < LONGEST
    assert cell.streams["stderr"] == ""
    if "progress" in BLOCKED[what]:
        assert eventually(lambda: kernel.watch(0.1) is not None and "interrupted" in bar_of(kernel, cell))


def test_callbacks_in_processes_are_interrupted_and_work_again(kernel):
    kernel.run(
        "def shout(response):\n    time.sleep(0.02)\n    return response\nowned = Patata(2, verbose=False)"
    )
    cell = kernel.run("list(owned.http('get', endless(), [shout], progress=True))", interrupt_after=2)
    assert cell.error[0] == "KeyboardInterrupt"
    assert cell.seconds < LONGEST
    assert cell.streams["stderr"] == ""
    after = kernel.run("len(list(owned.http('get', [(i, url) for i in range(9)], [shout])))\n")
    assert after.result["text/plain"] == "9"
    kernel.run("owned.close()")


def test_a_loop_that_is_interrupted_in_its_own_code_ends_its_call(kernel):
    cell = kernel.run(
        "got = []\n"
        "for each in client.http('get', endless(), concurrency=4, progress=True):\n"
        "    got.append(each)\n"
        "    if len(got) == 10:\n        print('ready', flush=True)\n        time.sleep(60)",
        interrupt_after=0,
        is_ready="ready",
    )
    assert cell.error[0] == "KeyboardInterrupt"
    assert cell.seconds < LONGEST
    assert bar_of(kernel, cell).startswith("10 done")
    assert bar_of(kernel, cell).endswith(", interrupted")
    assert kernel.run("len(got), client.receipt.ok, threads()").result["text/plain"] == "(10, 10, [])"


def test_a_call_that_somebody_holds_can_be_gone_on_with_in_the_next_cell(kernel):
    held = kernel.run(
        "got, responses = [], client.http('get', [(i, url + '/delay/20') for i in range(40)],"
        " concurrency=4, progress=True)\n"
        "for each in responses:\n"
        "    got.append(each)\n"
        "    if len(got) == 10:\n        print('ready', flush=True)\n        time.sleep(60)",
        interrupt_after=0,
        is_ready="ready",
    )
    assert held.seconds < LONGEST
    told = bar_of(kernel, held)
    assert told.startswith("10 of 40 (25 %)")
    assert told.endswith("interrupted, and held open: take more responses to go on")
    # Its thread looks at nothing, and draws nothing.
    assert kernel.watch(1.5) == []
    cell = kernel.run("got += responses\nlen({each.id_ for each in got}), responses.receipt.ok")
    assert cell.result["text/plain"] == "(40, 40)"
    assert bar_of(kernel, held).startswith("40 of 40 (100 %)")
    assert bar_of(kernel, held).endswith(", done")


def test_a_run_folder_has_what_came_before_an_interrupt(kernel, tmp_path):
    path = str(tmp_path / "run")
    cell = kernel.run(
        f"list(client.http('get', endless(), concurrency=4, progress=True, run_folder={path!r}))",
        interrupt_after=0.7,
    )
    assert cell.seconds < LONGEST
    after = kernel.run(
        f"folder = RunFolder({path!r})\n"
        "print(folder.receipt.ok == client.receipt.ok == len(list(folder.responses())) > 20)\n"
        "folder"
    )
    assert after.out == "True\n"
    assert "no process is at work in it" in text_of(after.result["text/html"])


def test_objects_are_shown_as_html_and_as_short_text(kernel):
    cell = kernel.run("_ = list(client.http('get', [(1, url)]))\nclient.receipt")
    assert text_of(cell.result["text/html"]).startswith("Receipt 1 submitted = 1 ok")
    cell = kernel.run("client.get(url)")
    assert text_of(cell.result["text/html"]).startswith("200 OK")
    cell = kernel.run("response = client.get(url)\nresponse.data = 'x' * 50_000_000\nresponse")
    assert sum(map(len, cell.result.values())) < 20_000
    cell = kernel.run("[client.get(url)] * 2")
    assert cell.result["text/plain"].count("status_code=200") == 2
    assert "text/html" not in cell.result


def test_ipywidgets_are_not_needed_and_nothing_of_them_is_imported(kernel):
    assert kernel.run("'ipywidgets' in sys.modules").result["text/plain"] == "False"


def test_a_notebook_that_is_saved_keeps_the_last_picture(remote, tmp_path):
    sources = [
        "from patata import Patata\nclient = Patata(1, verbose=False)",
        f"for response in client.http('get', [(i, {remote!r}) for i in range(50)], progress=True): pass",
        "response",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
    nbformat.write(notebook, tmp_path / "saved.ipynb")
    saved = nbformat.read(tmp_path / "saved.ipynb", as_version=4)
    nbformat.validate(saved)
    (picture,) = saved.cells[1].outputs
    assert text_of(picture.data["text/html"]).startswith("50 of 50 100 %")
    (shown,) = saved.cells[2].outputs
    assert text_of(shown.data["text/html"]).startswith("200 OK")


def test_this_process_is_no_notebook():
    assert "IPython" not in sys.modules or sys.modules["IPython"].get_ipython() is None
