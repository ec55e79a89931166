"""Run folders read as tables, and those of clusters read as one run."""

import json

import pyarrow as pa
import pytest
from patata import Patata, RunFolder, _patata, exceptions
from patata.testing import Server


@pytest.fixture
def server():
    with Server() as running:
        yield running


def run(folder, requests, **options):
    with Patata(verbose=False) as client:
        return list(client.http("get", requests, run_folder=RunFolder(folder, **options)))


def table(folder, **options):
    return pa.table(RunFolder(folder).to_arrow(**options))


COLUMNS = ["id", "index", "status", "body", "error", "error_kind", "attempts", "elapsed_ms", "url"]


@pytest.mark.parametrize("compression", [None, "zstd", "gzip"])
def test_all_rows_are_a_table(tmp_path, server, compression):
    requests = [("a", server.url), (7, f"{server.url}/status/404"), (None, "http://127.0.0.1:1/")]
    run(tmp_path / "run", requests, compression=compression)
    rows = table(tmp_path / "run").sort_by("index").to_pylist()
    assert list(rows[0]) == COLUMNS
    assert [row["id"] for row in rows] == ["a", "7", None]
    assert [row["index"] for row in rows] == [0, 1, 2]
    assert [row["status"] for row in rows] == [200, 404, None]
    assert json.loads(rows[0]["body"])["message"] == "Hello world!"
    assert [row["error_kind"] for row in rows] == [None, None, "connect"]
    assert rows[0]["url"] == f"{server.url}/"
    assert rows[0]["attempts"] == 1
    assert rows[0]["elapsed_ms"] > 0
    assert "127.0.0.1:1" in rows[2]["error"]


def test_bodies_are_read_by_a_schema(tmp_path, server):
    run(tmp_path / "run", [(number, server.url) for number in range(20_000)], part_rows=700)
    read = table(tmp_path / "run", schema={"message": "string", "more": "list<int64>"})
    assert read.num_rows == 20_000
    assert read.schema.names == COLUMNS
    assert set(read["body"].combine_chunks().field("message").to_pylist()) == {"Hello world!"}
    assert sorted(read["index"].to_pylist()) == list(range(20_000))
    odd = table(tmp_path / "run", schema="struct<message: int64>").slice(0, 1).to_pylist()[0]
    assert odd["body"] == {"message": None}
    assert "Hello world!" in odd["error"]


def test_a_table_is_read_as_often_as_one_likes(tmp_path, server):
    run(tmp_path / "run", [("a", server.url)])
    read = RunFolder(tmp_path / "run").to_arrow()
    assert pa.schema(read).names == COLUMNS
    assert pa.table(read).num_rows == 1
    run(tmp_path / "run", [("a", server.url), ("b", server.url)])
    assert pa.table(read).num_rows == 2


def test_a_schema_that_is_none_is_told(tmp_path):
    with pytest.raises(ValueError, match="strin"):
        RunFolder(tmp_path).to_arrow(schema={"name": "strin"})
    with pytest.raises(ValueError, match="schema must be a text"):
        RunFolder(tmp_path).to_arrow(schema=7)


def test_a_folder_that_is_none_is_told_once_it_is_read(tmp_path, server):
    read = RunFolder(tmp_path / "none").to_arrow()
    with pytest.raises(exceptions.NotARunFolderError, match=r"manifest\.json"):
        pa.table(read)
    run(tmp_path / "csv", [("a", server.url)], format="csv")
    with pytest.raises(exceptions.NotARunFolderError, match="csv"):
        pa.table(RunFolder(tmp_path / "csv").to_arrow())


def session(folder):
    return RunFolder(folder)._begun_session("get", {"num_workers": 1}, {})


def test_the_folder_of_a_cluster_is_read_as_one_run(tmp_path, server):
    root = tmp_path / "run"
    assert (session(root), session(root)) == (1, 2)
    # Parts are ordinary run folders. These two have some requests in common.
    missing = f"{server.url}/status/404"
    run(root / "parts" / "a", [(0, missing), *((id_, server.url) for id_ in range(1, 60))])
    run(root / "parts" / "b", [(id_, server.url) for id_ in range(40)])
    folder = RunFolder(root)
    assert sorted(response.id_ for response in folder.responses()) == list(range(60))
    assert all(response.status_code == 200 for response in folder.responses())
    assert (folder.receipt.ok, folder.receipt.failed, folder.failed(), folder.unknown()) == (60, 0, [], [])
    assert folder.receipt.submitted == 60
    assert not folder.is_running
    assert sorted(map(int, pa.table(folder.to_arrow())["id"].to_pylist())) == list(range(60))
    assert "</html>" in folder.report().read_text()


def test_a_cluster_s_folder_is_not_gone_on_with_by_one_process(tmp_path, server):
    session(tmp_path / "run")
    with pytest.raises(exceptions.NotARunFolderError, match="the job that began it goes on with it"):
        run(tmp_path / "run", [("a", server.url)])
    run(tmp_path / "one", [("a", server.url)])
    with pytest.raises(exceptions.NotARunFolderError, match="name another folder"):
        session(tmp_path / "one")


def test_a_part_is_no_folder_for_a_stream(tmp_path):
    number = session(tmp_path / "run")
    settings = {"num_workers": 1}
    part = RunFolder(tmp_path / "run")._opened_part("a", number, 1.0, "get", settings, {})
    assert isinstance(part, _patata.OpenedFolder)
    with pytest.raises(ValueError, match="wait must be a number of seconds"):
        RunFolder(tmp_path / "run")._opened_part("a", number, -1.0, "get", settings, {})
