"""What of the adapters of Ray, Spark, Dask and Daft needs none of these; the rest is in ``cluster_tests``."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from patata._clusters import rows
from patata._clusters.holder import units
from patata._clusters.options import split

RUNNER = Path(__file__).parents[1] / "cluster_tests" / "run.py"


@pytest.mark.parametrize(
    ("name", "module"), [("ray", "ray"), ("spark", "pyspark"), ("dask", "dask"), ("daft", "daft")]
)
def test_an_engine_that_is_not_installed_is_named_with_what_installs_it(script, name, module):
    source = f"""
        import sys
        sys.modules["{module}"] = None
        import patata.{name}
        for call in (lambda: patata.{name}.fetch(None), patata.{name}.mapper):
            try:
                call()
            except ModuleNotFoundError as error:
                print(error)
    """
    printed = script(source).splitlines()
    assert len(printed) == 2
    assert all(line.endswith(f'pip install "patata[{name}]"') for line in printed)


def test_importing_an_adapter_imports_no_engine(script):
    source = """
        import sys
        import patata.ray, patata.spark, patata.dask, patata.daft
        engines = ("ray", "pyspark", "dask", "daft", "pandas", "pyarrow")
        print([name for name in engines if name in sys.modules])
    """
    assert script(source) == "[]\n"


TABLE = pa.table(
    {
        "url": ["http://a/1", "http://a/2", "http://a/1", None],
        "json": [{"a": 1.5}, {"a": None}, {"a": 1.5}, None],
        "tags": [["x"], [], ["x"], None],
    }
)


def test_rows_are_known_again_wherever_they_stand():
    shuffled = TABLE.take(random.sample(range(len(TABLE)), len(TABLE)))
    digests, others = rows.digests(TABLE), rows.digests(shuffled)
    assert rows.name(digests, "3") == rows.name(others, "3")
    assert sorted(rows.keys(digests, "3", "s")) == sorted(rows.keys(others, "3", "s"))


def test_equal_rows_have_keys_of_their_own_and_so_have_places_and_fetches():
    digests = rows.digests(TABLE)
    assert Counter(digests).most_common(1)[0][1] == 2
    keys = [rows.keys(digests, place, session) for place in ("0", "1") for session in ("a", "b")]
    assert len({key for of_one in keys for key in of_one}) == 4 * len(TABLE)
    assert rows.name(digests, "0") != rows.name(digests, "1") != rows.name(digests[:-1], "1")


@pytest.mark.parametrize(
    "headers",
    [
        pa.array([{"x": "1", "idempotency-key": None}, {"x": "2", "idempotency-key": "own"}]),
        pa.array([[("x", "1")], [("x", "2"), ("idempotency-key", "own")]], pa.map_(pa.string(), pa.string())),
        pa.array(['{"x": "1"}', '{"x": "2", "idempotency-key": "own"}']),
    ],
    ids=["struct", "map", "JSON"],
)
def test_a_key_is_put_beside_other_headers_and_not_over_one_that_is_there(headers):
    table = rows.with_keys(pa.table({"heads": headers}), ["k1", "k2"], "heads")
    assert [json.loads(row) for row in table.column(rows.HEADERS).to_pylist()] == [
        {"x": "1", "Idempotency-Key": "k1"},
        {"x": "2", "idempotency-key": "own"},
    ]


def test_rates_of_requests_hold_together_however_they_are_said():
    assert units("5/s", {"requests": ["100/min", "1000/h"], "tokens": "9/s"}) == {
        "requests": ["5/s", "100/min", "1000/h"],
        "tokens": ["9/s"],
    }
    assert units(None, None) == {}


def test_options_go_to_whom_they_are_for():
    given = split({"rate": "5/s", "concurrency": "auto", "retries": 3, "keep": ["a"], "run_folder": "r"})
    assert given.limits == {"rate": "5/s"}
    assert given.client == {"num_workers": 1, "verbose": False, "concurrency": "auto", "retries": 3}
    assert (given.table, given.run_folder) == ({"keep": ["a"], "body": "text"}, "r")


def test_the_command_names_the_java_that_is_missing_before_it_installs_anything(tmp_path):
    command = [sys.executable, RUNNER, "spark"]
    environment = os.environ | {"JAVA_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30)
    assert done.returncode == 1
    assert "Spark needs Java 17 or later" in done.stderr
    assert "apt-get install openjdk-17-jre-headless" in done.stderr


def test_a_command_that_hangs_is_ended_with_all_that_it_has_started(script):
    source = f"""
        import os, subprocess, sys
        sys.path.append({str(RUNNER.parent)!r})
        import run
        sleeping = "import os, time; os.setsid(); print(os.getpid(), flush=True); time.sleep(100)"
        starting = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {{sleeping!r}}])"
        print(run.limited([sys.executable, "-c", starting], 2), run.children_of(os.getpid()))
    """
    sleeping, ended = script(source).splitlines()
    assert ended == "no end within 2 s []"
    assert not Path(f"/proc/{sleeping}").exists()
