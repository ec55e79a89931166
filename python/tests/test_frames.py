"""Tables in, tables out: each kind comes back as it went in, with the responses beside its rows."""

import asyncio
import datetime
import decimal
import json
import re
import textwrap
import threading
import time

import arro3.core
import daft
import duckdb
import nanoarrow
import narwhals
import numpy
import pandas
import patata
import patata.duckdb
import patata.pandas
import patata.polars
import polars
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest
from patata import AsyncPatata, FrameError, Patata, RunFolder, TooManyFailures
from patata.frames import Batches, Table
from patata.testing import Server
from support import eventually, run_python

OWN = ["status", "body", "error", "error_kind", "attempts", "elapsed_ms"]
"""The columns of the results."""


class OnlyArrow:
    """A table of nobody's that is known."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


def batch(table):
    return (
        table.combine_chunks().to_batches()[0]
        if table.num_rows
        else pyarrow.record_batch(table.to_pydict(), table.schema)
    )


KINDS = {
    "polars": (polars.DataFrame, polars.DataFrame),
    "polars lazy": (lambda table: polars.DataFrame(table).lazy(), polars.LazyFrame),
    "pandas": (lambda table: table.to_pandas(), pandas.DataFrame),
    "pyarrow": (lambda table: table, pyarrow.Table),
    "pyarrow batch": (batch, pyarrow.RecordBatch),
    "pyarrow reader": (lambda table: table.to_reader(), pyarrow.RecordBatchReader),
    "pyarrow dataset": (pyarrow.dataset.dataset, pyarrow.RecordBatchReader),
    "pyarrow scanner": (lambda table: pyarrow.dataset.dataset(table).scanner(), pyarrow.RecordBatchReader),
    "duckdb": (lambda table: duckdb.from_arrow(table), duckdb.DuckDBPyRelation),
    "daft": (lambda table: daft.from_arrow(table), daft.DataFrame),
    "narwhals": (lambda table: narwhals.from_native(table), narwhals.DataFrame),
    "narwhals lazy": (lambda table: narwhals.from_native(polars.DataFrame(table).lazy()), narwhals.LazyFrame),
    "nanoarrow": (nanoarrow.ArrayStream, nanoarrow.ArrayStream),
    "arro3": (arro3.core.Table.from_arrow, arro3.core.Table),
    "arro3 reader": (arro3.core.RecordBatchReader.from_arrow, arro3.core.RecordBatchReader),
    "arro3 batch": (lambda table: arro3.core.RecordBatch.from_arrow(batch(table)), arro3.core.RecordBatch),
    "any other": (OnlyArrow, Table),
}
"""By name: makes a table of the kind, and the type that comes back."""


def as_pyarrow(table):
    """A table of any kind as one of pyarrow's."""
    if isinstance(table, (narwhals.DataFrame, narwhals.LazyFrame)):
        table = table.to_native()
    if isinstance(table, polars.LazyFrame):
        table = table.collect()
    if isinstance(table, (daft.DataFrame, duckdb.DuckDBPyRelation)):
        return table.to_arrow() if isinstance(table, daft.DataFrame) else table.to_arrow_table()
    if isinstance(table, pandas.DataFrame):
        return pyarrow.Table.from_pandas(table, preserve_index=False)
    if isinstance(table, pyarrow.RecordBatch):
        return pyarrow.Table.from_batches([table])
    if isinstance(table, arro3.core.RecordBatch):
        return pyarrow.Table.from_batches([pyarrow.record_batch(table)])
    return pyarrow.table(table)


@pytest.mark.parametrize("rows", [0, 1, 3, 20_000])
@pytest.mark.parametrize("kind", KINDS)
def test_a_table_comes_back_in_its_kind_with_its_responses(server, kind, rows):
    make, expected = KINDS[kind]
    urls = [server.url if row % 3 else f"{server.url}/status/404" for row in range(rows)]
    given = pyarrow.table(
        {"link": pyarrow.array(urls, pyarrow.string()), "row": pyarrow.array(range(rows), pyarrow.int64())}
    )
    fetched = patata.fetch(make(given), "link", body="text")
    assert isinstance(fetched, expected)
    fetched = as_pyarrow(fetched)
    assert fetched.column_names == ["link", "row", *OWN]
    assert fetched["link"].to_pylist() == urls
    assert fetched["row"].to_pylist() == list(range(rows))
    assert fetched["status"].to_pylist() == [200 if row % 3 else 404 for row in range(rows)]
    assert server.requests == rows


def columns():
    """Columns of all kinds of types, each with a null."""
    zone = datetime.timezone(datetime.timedelta(hours=2))
    moment = datetime.datetime(2026, 11, 27, 12, 30, 1, 250_000)
    user = {"id": 7, "name": "Ann", "tags": ["a", None], "at": {"x": 1.5}}
    values = {
        "string": (pyarrow.string(), ["é", None]),
        "large_string": (pyarrow.large_string(), ["a", None]),
        "string_view": (pyarrow.string_view(), ["a text that is longer than the view of it", None]),
        "dictionary": (pyarrow.dictionary(pyarrow.int32(), pyarrow.string()), ["a", None]),
        "binary": (pyarrow.binary(), [b"\0\xff", None]),
        "bool": (pyarrow.bool_(), [True, None]),
        "int8": (pyarrow.int8(), [-128, None]),
        "uint64": (pyarrow.uint64(), [2**64 - 1, None]),
        "float": (pyarrow.float32(), [1.5, None]),
        "decimal": (pyarrow.decimal128(20, 4), [decimal.Decimal("1.5000"), None]),
        "date": (pyarrow.date32(), [moment.date(), None]),
        "time": (pyarrow.time64("us"), [moment.time(), None]),
        "timestamp": (pyarrow.timestamp("us"), [moment, None]),
        "timestamp_zone": (pyarrow.timestamp("ms", "Europe/Madrid"), [moment.astimezone(zone), None]),
        "duration": (pyarrow.duration("us"), [datetime.timedelta(seconds=3), None]),
        "list": (pyarrow.list_(pyarrow.int64()), [[1, None, 3], None]),
        "fixed_list": (pyarrow.list_(pyarrow.float64(), 2), [[1.0, 2.0], None]),
        "map": (pyarrow.map_(pyarrow.string(), pyarrow.int64()), [[("a", 1)], None]),
        "struct": (
            pyarrow.struct(
                {
                    "id": pyarrow.int64(),
                    "name": pyarrow.string(),
                    "tags": pyarrow.list_(pyarrow.string()),
                    "at": pyarrow.struct({"x": pyarrow.float64()}),
                }
            ),
            [user, None],
        ),
        "null": (pyarrow.null(), [None, None]),
    }
    return {name: pyarrow.array(given, kind) for name, (kind, given) in values.items()}


@pytest.mark.parametrize("name", columns())
def test_columns_of_any_type_come_back_as_they_were(server, name):
    given = pyarrow.table({"url": [server.url] * 2, name: columns()[name]})
    fetched = patata.fetch(given, columns={"json": None})
    assert fetched.schema.field(name).type == given.schema.field(name).type
    assert fetched[name].combine_chunks().equals(given[name].combine_chunks())


@pytest.mark.parametrize(
    "kind",
    [
        pyarrow.string(),
        pyarrow.large_string(),
        pyarrow.string_view(),
        pyarrow.dictionary(pyarrow.int8(), pyarrow.string()),
        pyarrow.dictionary(pyarrow.int64(), pyarrow.large_string()),
    ],
    ids=str,
)
def test_urls_may_be_texts_of_any_layout(server, kind):
    urls = pyarrow.array([server.url, None, f"{server.url}/status/404"], pyarrow.string()).cast(kind)
    fetched = patata.fetch(pyarrow.table({"url": urls}))
    assert fetched["status"].to_pylist() == [200, None, 404]
    assert fetched["error_kind"].to_pylist() == [None, "invalid request", None]


def test_a_slice_is_the_rows_that_it_shows(server):
    whole = pyarrow.table(
        {"url": [f"{server.url}/status/{status}" for status in (200, 404, 410, 500)], "n": range(4)}
    )
    fetched = patata.fetch(whole.slice(1, 2))
    assert (fetched["n"].to_pylist(), fetched["status"].to_pylist()) == ([1, 2], [404, 410])


def test_pandas_keeps_index_and_types(server):
    frame = pandas.DataFrame(
        {
            "url": [server.url] * 3,
            "category": pandas.Categorical(["a", "b", "a"]),
            "whole": pandas.array([1, None, 3], dtype="Int64"),
            "at": pandas.to_datetime(["2026-01-01", "2026-01-02", None]).tz_localize("UTC"),
        },
        index=pandas.MultiIndex.from_tuples([("x", 1), ("x", 2), ("y", 1)], names=["letter", "number"]),
    )
    for ordered in (True, False):
        fetched = patata.fetch(frame, ordered=ordered, body="text").sort_index()
        assert fetched.index.equals(frame.index)
        pandas.testing.assert_frame_equal(fetched[list(frame.columns)], frame)
        assert fetched["status"].tolist() == [200] * 3
    assert list(patata.fetch(frame, keep=["whole"], body="none").columns) == ["whole", "status", *OWN[2:]]


def test_namespaces_and_pipes(server):
    data = {"url": [server.url] * 2}
    for frame in (polars.DataFrame(data), pandas.DataFrame(data)):
        assert list(frame.patata.fetch(body="text")["status"]) == [200, 200]
        assert list(frame.pipe(patata.fetch, body="text")["status"]) == [200, 200]
    assert polars.LazyFrame(data).patata.fetch(body="text").collect()["status"].to_list() == [200, 200]


# What requests are made of


def test_columns_are_parts_of_requests_by_their_names(httpbin):
    plain, _ = httpbin
    table = pyarrow.table(
        {
            "url": [f"{plain}/anything"] * 4,
            "method": ["post", "PUT", None, "PATCH"],
            "headers": pyarrow.array(
                [{"X-One": "1"}, {"X-One": None}, None, {"X-One": "é"}],
                pyarrow.struct({"X-One": pyarrow.string()}),
            ),
            "params": ['{"a": [1, 2]}', None, '{"b": "x y"}', None],
            "json": ['{"n": 1}', None, None, None],
            "form": [None, '{"k": ["v", "w"]}', None, None],
            "content": [None, None, None, b"raw"],
        }
    )
    fetched = patata.fetch(table, keep=[], body="text")
    assert fetched["status"].to_pylist() == [200] * 4
    one, two, three, four = map(json.loads, fetched["body"].to_pylist())
    assert [echo["method"] for echo in (one, two, three, four)] == ["POST", "PUT", "GET", "PATCH"]
    assert (one["json"], one["args"], one["headers"]["X-One"]) == ({"n": 1}, {"a": ["1", "2"]}, "1")
    assert (two["form"], "X-One" in two["headers"]) == ({"k": ["v", "w"]}, False)
    assert three["args"] == {"b": "x y"}
    assert four["data"] == "raw"


def test_a_template_is_filled_from_columns_and_encoded(httpbin):
    plain, _ = httpbin
    table = pyarrow.table({"user": pyarrow.array([{"id": 1, "name": "a/b c"}, {"id": 2, "name": None}])})
    fetched = patata.fetch(
        table, plain + "/anything/{user.id}?name={user.name}", include_url=True, body="none"
    )
    assert fetched["url"].to_pylist()[0].endswith("/anything/1?name=a%2Fb%20c")
    assert fetched["status"].to_pylist() == [200, None]
    assert "user.name" in fetched["error"].to_pylist()[1]


def test_a_post_sends_what_the_column_json_has(api):
    frame = polars.DataFrame({"json": [{"n": 1, "tags": ["x"]}, {"n": 2, "tags": []}]})
    fetched = patata.fetch(frame, api + "/", method="POST", schema={"n": "int64", "tags": "list<string>"})
    assert fetched["body"].to_list() == [{"n": 1, "tags": ["x"]}, {"n": 2, "tags": []}]
    renamed = patata.fetch(
        frame.rename({"json": "payload"}), api + "/", method="POST", columns={"json": "payload"}
    )
    assert renamed["body"].to_list() == fetched["body"].to_list()


# What the results are


def test_bodies_are_read_as_asked(server):
    table = pyarrow.table({"url": [server.url, f"{server.url}/status/404", f"{server.url}/bytes/3"]})
    inferred = patata.fetch(table)
    assert inferred.schema.field("body").type == pyarrow.struct({"message": pyarrow.string()})
    typed = patata.fetch(
        table, schema=pyarrow.schema({"message": pyarrow.large_string(), "other": pyarrow.int8()})
    )
    assert typed["body"][0].as_py() == {"message": "Hello world!", "other": None}
    assert typed["error_kind"].to_pylist() == [None, None, "json"]
    misfit = patata.fetch(table, schema={"message": "int64"})
    assert misfit["body"][0].as_py() in (None, {"message": None})
    assert misfit["error_kind"][0].as_py() == "schema"
    assert "message" in misfit["error"][0].as_py() or "Hello" in misfit["error"][0].as_py()
    assert patata.fetch(table, body="text")["body"][0].as_py() == '{"message":"Hello world!"}'
    assert patata.fetch(table, body="binary")["body"][2].as_py() == server_bytes(3)
    assert "body" not in patata.fetch(table, body="none").column_names


def server_bytes(count):
    with Server() as server, Patata(verbose=False) as client:
        return client.get(f"{server.url}/bytes/{count}").content


def test_url_and_headers_are_there_where_asked_for(server):
    table = pyarrow.table({"link": [f"{server.url}/redirect/1"]})
    fetched = patata.fetch(table, "link", include_url=True, include_headers=True, follow_redirects=True)
    assert fetched["url"][0].as_py() != f"{server.url}/redirect/1"
    headers = {header["name"]: header["value"] for header in fetched["headers"][0].as_py()}
    assert "content-type" in headers


def test_bodies_can_go_to_files(server, tmp_path):
    table = pyarrow.table(
        {"id": ["a", "b", "c"], "url": [f"{server.url}/bytes/{size}" for size in (3, 5, 7)]}
    )
    for _ in range(2):
        fetched = patata.fetch(table, stream_to=f"{tmp_path}/files/{{id}}.bin", run_folder=tmp_path / "run")
        assert fetched["path"].to_pylist() == [f"{tmp_path}/files/{id_}.bin" for id_ in "abc"]
        assert fetched["body"].to_pylist() == fetched["error"].to_pylist() == [None] * 3
    assert [(tmp_path / "files" / f"{id_}.bin").stat().st_size for id_ in "abc"] == [3, 5, 7]
    assert server.requests == 3


def test_names_that_both_have_want_a_prefix(server):
    table = pyarrow.table({"url": [server.url], "status": ["new"]})
    with pytest.raises(FrameError, match=r'column "status".*prefix'):
        patata.fetch(table)
    fetched = patata.fetch(table, prefix="http_", body="none")
    assert (fetched["status"][0].as_py(), fetched["http_status"][0].as_py()) == ("new", 200)


def test_a_failure_is_a_value(server):
    table = polars.DataFrame({"url": ["http://127.0.0.1:1/", "no url", None, server.url]})
    fetched = patata.fetch(table, body="text")
    assert fetched["error_kind"].to_list() == ["connect", "invalid request", "invalid request", None]
    assert fetched["error"][0].startswith("Cannot connect")
    assert fetched["status"].to_list() == [None, None, None, 200]


def test_order_is_that_of_the_input_unless_it_need_not_be(api):
    table = pyarrow.table(
        {"url": [f"{api}/delay/{300 if row == 0 else 0}" for row in range(10)], "row": range(10)}
    )
    assert patata.fetch(table, body="none")["row"].to_pylist() == list(range(10))
    unordered = patata.fetch(table, ordered=False, body="none")["row"].to_pylist()
    assert unordered[-1] == 0
    assert sorted(unordered) == list(range(10))
    with Patata(verbose=False, ordered=False) as client:
        assert client.fetch(table, body="none")["row"].to_pylist()[-1] == 0


def test_equal_requests_are_sent_once_where_distinct(server):
    table = pyarrow.table(
        {"url": [f"{server.url}/?page={row % 7}" for row in range(10_000)], "row": range(10_000)}
    )
    fetched = patata.fetch(table, distinct=True, body="text")
    assert server.requests == 7
    assert fetched["row"].to_pylist() == list(range(10_000))
    assert fetched["status"].to_pylist() == [200] * 10_000


def test_options_of_a_call_hold(server):
    with Patata(verbose=False, retries=3, backoff=0.001) as client:
        fetched = client.fetch(
            pyarrow.table({"url": [f"{server.url}/status/503"]}), retry_statuses={503}, body="none"
        )
        assert fetched["attempts"].to_pylist() == [3]
        assert (client.receipt.failed, client.receipt.failed_statuses) == (1, {503: 1})
        fetched = client.fetch(pyarrow.table({"url": [f"{server.url}/delay/1000"]}), timeout=0.05, retries=1)
        assert fetched["error_kind"].to_pylist() == ["timeout"]


def test_functions_of_the_user_are_shown_each_row_as_a_request(httpbin):
    plain, _ = httpbin
    shown, settled = [], []

    def cost(request):
        shown.append((request.id_, request.url, request.method, request.data))
        return {"tokens": len(request.data["prompt"])}

    def settle(response):
        settled.append((response.id_, response.status_code))
        return {"tokens": 1}

    table = pyarrow.table({"id": ["a", "b"], "json": ['{"prompt": "one"}', '{"prompt": "three"}']})
    with Patata(verbose=False, budgets={"tokens": "100000/min"}) as client:
        fetched = client.fetch(
            table,
            f"{plain}/post",
            method="POST",
            cost=cost,
            settle=settle,
            auth=lambda request: f"Bearer {request.id_}",
            retry_if=lambda response: response.data["json"]["prompt"] == "one" and response.attempts < 2,
            retries=2,
            retry_non_idempotent=True,
            backoff=0.001,
            body="text",
        )
        spent = client.receipt.costs["tokens"]
    bodies = list(map(json.loads, fetched["body"].to_pylist()))
    assert [body["headers"]["Authorization"] for body in bodies] == ["Bearer a", "Bearer b"]
    assert shown == [
        (id_, f"{plain}/post", "POST", body["json"]) for id_, body in zip("ab", bodies, strict=True)
    ]
    assert settled == [("a", 200), ("b", 200)]
    assert fetched["attempts"].to_pylist() == [2, 1]
    assert spent.settled < spent.estimated


# What cannot be


@pytest.mark.parametrize(
    ("data", "options", "error"),
    [
        (3, {}, "int is no table"),
        ([{"url": "http://localhost"}], {}, "list is no table"),
        (pyarrow.table({"a": ["x"]}), {}, 'no column "url"; it has "a"'),
        (pyarrow.table({"a": ["x"]}), {"url": "http://h/{b}"}, 'no column "b"'),
        (pyarrow.table({"a": [1]}), {"url": "a"}, "the column is Int64, not text"),
        (pyarrow.table({"url": ["x"]}), {"schema": {"a": "strnig"}}, '"strnig" is no type'),
        (pyarrow.table({"url": ["x"]}), {"schema": 5}, "schema must map names to types"),
        (
            pyarrow.table({"url": ["x"]}),
            {"schema": {"a": "string"}, "body": "text"},
            "schema is the type of bodies",
        ),
        (pyarrow.table({"url": ["x"]}), {"body": "xml"}, "body must be one of 'json'"),
        (pyarrow.table({"url": ["x"]}), {"keep": ["a"]}, 'no column "a"'),
        (pyarrow.table({"url": ["x"]}), {"keep": "url"}, "keep must be a list"),
        (pyarrow.table({"url": ["x"]}), {"columns": {"jsn": "url"}}, "no part 'jsn'"),
        (pyarrow.table({"url": ["x"]}), {"columns": {"json": "a"}}, 'no column "a"'),
        (pyarrow.table({"url": ["x"], "timeout": ["y"]}), {}, '"timeout" cannot be the timeout of requests'),
        (pyarrow.table({"url": ["x"]}), {"lazy": True}, "lazy=True is for a LazyFrame"),
        (polars.LazyFrame({"url": ["x"]}), {"lazy": True}, "give schema, or body='text'"),
        (polars.Series("url", ["x"]), {}, "series.to_frame"),
        (pandas.Series(["x"], name="url"), {}, "series.to_frame"),
        (pandas.DataFrame({"url": ["x", 1]}), {}, "the data frame is no table"),
        (pandas.DataFrame([["x", "y"]], columns=["url", "url"]), {}, "two columns of one name"),
        ("nowhere.parquet", {}, "nowhere.parquet"),
        ("nowhere.txt", {}, "nowhere.txt"),
    ],
)
def test_what_is_no_table_is_told_before_any_request(data, options, error):
    with pytest.raises(ValueError, match=re.escape(error)):
        patata.fetch(data, **options)


def test_an_option_that_is_none_is_told():
    with pytest.raises(TypeError, match="unknown option 'rte'"):
        patata.fetch(pyarrow.table({"url": ["x"]}), rte="1/s")


def test_what_is_wrong_with_a_table_leaves_no_run_folder(tmp_path):
    with pytest.raises(FrameError):
        patata.fetch(pyarrow.table({"a": ["x"]}), run_folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_library_that_is_not_there_is_named_with_what_installs_it(script):
    for module in ("polars", "pandas", "duckdb"):
        source = f"""
            import sys
            sys.modules["{module}"] = None
            try:
                import patata.{module}
            except ImportError as error:
                print(error)
        """
        assert script(source) == f'{module} is not installed: pip install "patata[frames]" {module}\n'


def test_importing_patata_imports_no_library_of_tables(script):
    source = """
        import sys
        import patata
        libraries = "pyarrow polars pandas duckdb daft narwhals arro3 numpy ray pyspark dask".split()
        print([name for name in libraries if name in sys.modules])
        print([name for name in sys.modules if name.startswith("patata._frames")])
    """
    assert script(source) == "[]\n[]\n"


# Streams


def rows_of(server, count):
    urls = pyarrow.array([f"{server.url}/?row={row}" for row in range(count)], pyarrow.string())
    return pyarrow.table({"url": urls, "row": pyarrow.array(range(count), pyarrow.int64())})


@pytest.mark.parametrize(
    "name", ["rows.parquet", "rows.csv", "rows.tsv", "rows.jsonl", "rows.jsonl.gz", "rows.csv.zst"]
)
def test_files_are_read_and_written_as_their_names_say(server, tmp_path, name):
    source, target = tmp_path / f"in-{name}", tmp_path / f"out-{name}"
    with patata.fetch(rows_of(server, 1_000).to_reader(), body="text") as reader:
        assert reader.read_all().num_rows == 1_000
    writer = patata._patata.TableWriter(source)
    writer.write(patata.fetch(OnlyArrow(rows_of(server, 1_000)), keep=["url", "row"], body="none"))
    assert writer.finish() == 1_000
    sent = server.requests
    with patata.fetch(source, keep=["row"], prefix="r_", body="text") as batches:
        assert isinstance(batches, Batches)
        assert server.requests == sent
        assert batches.write(target) == 1_000
        assert (batches.receipt.ok, batches.progress().done) == (1_000, 1_000)
    with patata.fetch(target, server.url, keep=["row", "r_status"], body="none") as again:
        read = pyarrow.table(again)
    assert read["row"].to_pylist() == list(range(1_000))
    assert read["r_status"].to_pylist() == [200] * 1_000


def test_a_stream_sends_as_it_is_read_and_ends_with_its_reader(server):
    def endless():
        while True:
            yield batch(rows_of(server, 1_000))

    given = pyarrow.RecordBatchReader.from_batches(rows_of(server, 0).schema, endless())
    with Patata(verbose=False, queue_max_size=2_000) as client:
        reader = client.fetch(given, body="none")
        assert server.requests == 0
        assert reader.read_next_batch().num_rows > 0
        reader.close()
        del reader
        sent = server.requests
        assert sent < 100_000
        assert eventually(lambda: threading.active_count() < 20)


def test_a_slow_stream_gives_what_it_has(server, tmp_path):
    pyarrow.parquet.write_table(rows_of(server, 1_000), tmp_path / "in.parquet")
    with Patata(verbose=False, rate="20/s") as client:
        reader = client.fetch(rows_of(server, 1_000).to_reader(), body="text")
        assert 0 < reader.read_next_batch().num_rows < 500
        reader.close()
        with client.fetch(tmp_path / "in.parquet", body="none") as batches:
            assert 0 < len(next(iter(batches))) < 500


def test_a_file_that_is_written_is_there_whole_or_not_at_all(server, tmp_path):
    target = tmp_path / "out.parquet"
    table = pyarrow.table({"url": [f"{server.url}/status/500"] * 1_000})
    pyarrow.parquet.write_table(table, source := tmp_path / "in.parquet")
    batches = patata.fetch(source, max_failures=10, body="none")
    with pytest.raises(TooManyFailures):
        batches.write(target)
    with pytest.raises(FrameError, match="its name tells no format"):
        patata.fetch(source).write(tmp_path / "out.xlsx")
    assert list(tmp_path.iterdir()) == [source]


def test_a_stream_can_be_taken_once(server, tmp_path):
    pyarrow.parquet.write_table(rows_of(server, 10), tmp_path / "in.parquet")
    batches = patata.fetch(tmp_path / "in.parquet", body="none")
    assert polars.DataFrame(batches).height == 10
    assert polars.DataFrame(batches).height == 0
    assert server.requests == 10


def test_an_input_that_breaks_off_is_told_behind_what_it_gave(server):
    def breaking():
        yield batch(rows_of(server, 10))
        raise RuntimeError("the source is gone")

    given = pyarrow.RecordBatchReader.from_batches(rows_of(server, 0).schema, breaking())
    with pytest.raises(FrameError, match="the source is gone"):
        patata.fetch(OnlyArrow(given), body="none")
    assert server.requests == 10


# Lazy frames


def test_a_lazy_frame_is_collected_once_and_its_requests_are_sent_once(server):
    collected = []

    def note(frame):
        collected.append(len(frame))
        return frame

    lazy = polars.LazyFrame({"url": [server.url] * 10}).map_batches(note)
    fetched = patata.fetch(lazy, body="text")
    for _ in range(3):
        assert fetched.filter(polars.col("status") == 200).collect().height == 10
    assert (server.requests, sum(collected)) == (10, 10)


def test_a_lazy_result_sends_each_time_that_it_is_collected(server):
    lazy = polars.LazyFrame({"url": [server.url] * 10, "row": range(10)})
    fetched = patata.fetch(lazy, lazy=True, body="text")
    assert server.requests == 0
    assert fetched.select("row", "status").filter(polars.col("row") > 7).collect().rows() == [
        (8, 200),
        (9, 200),
    ]
    assert fetched.head(3).collect().height == 3
    assert server.requests >= 11


# Ends


def test_a_fetch_that_is_ended_early_has_what_was_done(server):
    table = polars.DataFrame({"url": [f"{server.url}/status/500"] * 10_000})
    with pytest.raises(TooManyFailures) as stopped:
        patata.fetch(table, max_failures=10, concurrency=1)
    assert isinstance(stopped.value.table, polars.DataFrame)
    assert stopped.value.table["status"].to_list()[:10] == [500] * 10
    receipt = stopped.value.receipt
    assert receipt.submitted == receipt.ok + receipt.failed + receipt.cancelled


def test_a_client_that_is_closed_ends_its_fetches(api):
    client = Patata(verbose=False)
    table = pyarrow.table({"url": [f"{api}/delay/60000"] * 10})
    threading.Timer(0.3, client.close).start()
    with pytest.raises(patata.ClientClosedError):
        client.fetch(table)
    with pytest.raises(patata.ClientClosedError):
        client.fetch(table)


def test_ctrl_c_ends_a_fetch_within_a_second(script, api):
    source = """
        import _thread, sys, threading, time
        import patata, pyarrow
        table = pyarrow.table({"url": [sys.argv[1] + "/delay/60000"] * 100})
        threading.Timer(0.5, _thread.interrupt_main).start()
        begun = time.monotonic()
        try:
            patata.fetch(table)
        except KeyboardInterrupt:
            print(time.monotonic() - begun < 10)
    """
    assert script(source, api) == "True\n"


def test_other_threads_run_meanwhile(api):
    counted = []
    done = threading.Event()

    def count():
        while not done.wait(0.001):
            counted.append(None)

    thread = threading.Thread(target=count)
    thread.start()
    patata.fetch(pyarrow.table({"url": [f"{api}/delay/500"]}), body="none")
    done.set()
    thread.join()
    assert len(counted) > 20


def test_many_threads_share_a_client(server):
    results = []
    with Patata(verbose=False) as client:

        def fetch(number):
            fetched = client.fetch(rows_of(server, 500), body="text")
            results.append(
                (number, fetched["row"].to_pylist() == list(range(500)), set(fetched["status"].to_pylist()))
            )

        threads = [threading.Thread(target=fetch, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(results) == [(number, True, {200}) for number in range(8)]


# asyncio


def test_asyncio_goes_on_meanwhile(api):
    async def main():
        turns = 0

        async def turn():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.005)

        async with AsyncPatata(verbose=False) as client:
            turning = asyncio.create_task(turn())
            table = pyarrow.table({"url": [f"{api}/delay/300"] * 3})
            fetched = await asyncio.gather(*(client.fetch(table, body="none") for _ in range(3)))
            turning.cancel()
            return turns, [part["status"].to_pylist() for part in fetched], client.receipt.ok

    turns, statuses, ok = asyncio.run(main())
    assert turns > 10
    assert (statuses, ok) == ([[200] * 3] * 3, 3)


def test_a_task_that_is_cancelled_ends_its_fetch(api):
    async def main():
        async with AsyncPatata(verbose=False) as client:
            task = asyncio.create_task(client.fetch(pyarrow.table({"url": [f"{api}/delay/60000"] * 10})))
            await asyncio.sleep(0.3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return client.receipt

    receipt = asyncio.run(main())
    assert (receipt.submitted, receipt.cancelled) == (10, 10)


# Run folders


def test_a_fetch_goes_on_where_an_earlier_one_has_stopped(server, tmp_path):
    table = rows_of(server, 1_000).rename_columns(["url", "id"])
    folder = tmp_path / "run"
    patata.fetch(table.slice(0, 600), method="POST", run_folder=folder, body="text")
    with Patata(verbose=False) as client:
        fetched = client.fetch(table, method="POST", run_folder=folder)
        receipt = client.receipt
    assert server.requests == 1_000
    assert (receipt.ok, receipt.skipped, receipt.submitted) == (400, 600, 1_000)
    assert fetched["id"].to_pylist() == list(range(1_000))
    assert {body["message"] for body in fetched["body"].to_pylist()} == {"Hello world!"}
    assert sorted(response.id_ for response in RunFolder(folder).responses()) == list(range(1_000))


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zstd"},
        {"format": "parquet"},
        {"format": "parquet", "schema": {"message": "string"}, "part_rows": 100},
    ],
)
def test_rows_of_earlier_processes_come_back_however_they_are_written(server, tmp_path, options):
    table = rows_of(server, 1_000).rename_columns(["url", "id"])
    for rows in (700, 1_000):
        folder = RunFolder(tmp_path / "run", **options)
        fetched = patata.fetch(table.slice(0, rows), run_folder=folder, schema={"message": "string"})
        assert fetched["id"].to_pylist() == list(range(rows))
        assert fetched["body"].to_pylist() == [{"message": "Hello world!"}] * rows
    assert server.requests == 1_000


def test_a_run_folder_whose_rows_are_not_whole_is_told(server, tmp_path):
    for options in ({"format": "csv"}, {"format": "parquet", "columns": ["id", "status"]}):
        folder = RunFolder(tmp_path / options["format"], **options)
        patata.fetch(rows_of(server, 3), run_folder=folder, body="none")
        with pytest.raises(patata.RunFolderError, match="in the folder out"):
            patata.fetch(rows_of(server, 3), run_folder=folder, body="none")


def test_failures_and_errors_of_earlier_processes_come_back(server, tmp_path):
    table = pyarrow.table({"url": [f"{server.url}/status/404", "http://127.0.0.1:1/", server.url]})
    first = patata.fetch(table, run_folder=tmp_path / "run", body="text", include_url=True, keep=[])
    again = patata.fetch(table, run_folder=tmp_path / "run", body="text", include_url=True, keep=[])
    assert server.requests == 2
    for name in ("status", "body", "error_kind", "error", "attempts"):
        assert again[name].to_pylist() == first[name].to_pylist(), name


def test_a_killed_fetch_loses_nothing_and_sends_nothing_twice(server, tmp_path):
    count = 4_000
    pyarrow.parquet.write_table(rows_of(server, count).rename_columns(["url", "id"]), tmp_path / "in.parquet")
    source = """
        import os, sys, threading, time
        import patata
        def kill():
            while len(os.listdir(sys.argv[2])) < 3 or time.sleep(float(sys.argv[3])):
                pass
            os.kill(os.getpid(), 9)
        if float(sys.argv[3]):
            os.makedirs(sys.argv[2], exist_ok=True)
            threading.Thread(target=kill, daemon=True).start()
        table = patata.fetch(sys.argv[1], method="POST", run_folder=sys.argv[2], rate="4000/s", body="text")
        print(table.write(sys.argv[4]))
    """
    (tmp_path / "script.py").write_text(textwrap.dedent(source))
    arguments = [tmp_path / "script.py", tmp_path / "in.parquet", tmp_path / "run"]
    for delay in (0.3, 0.2):
        assert run_python(*arguments, str(delay), tmp_path / "out.parquet").returncode == -9
        assert not (tmp_path / "out.parquet").exists()
    done = run_python(*arguments, "0", tmp_path / "out.parquet")
    assert done.returncode == 0, done.stderr
    fetched = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert fetched["id"].to_pylist() == list(range(count))
    unknown = fetched["error_kind"].to_pylist().count("unknown")
    assert fetched["status"].to_pylist().count(200) == count - unknown
    assert count - unknown <= server.requests <= count


# DuckDB


def test_duckdb_calls_a_function_once_a_chunk(server):
    with duckdb.connect() as connection:
        client = patata.duckdb.register(connection, schema={"message": "string"})
        connection.execute(
            "create table links as select ? || '/?row=' || i as link, i from range(5000) t(i)", [server.url]
        )
        connection.execute("insert into links values (null, 5000)")
        connection.execute("create table fetched as select i, fetch_url(link) as f from links")
        rows = connection.sql(
            "select i, f.status, f.body.message, f.error_kind from fetched order by i"
        ).fetchall()
        quoted = connection.sql('select ("fetch"(link)).status from links limit 1').fetchall()
    assert rows[:5000] == [(row, 200, "Hello world!", None) for row in range(5000)]
    assert rows[5000] == (5000, None, None, "invalid request")
    assert quoted == [(200,)]
    assert client.receipt.submitted <= 2048


def test_duckdb_functions_may_have_more_arguments(api):
    with duckdb.connect() as connection:
        patata.duckdb.register(connection, "post", ["url", "json"], method="POST", body="text")
        sent = connection.execute(
            "select (post(?, '{\"n\":' || i || '}')).body from range(3) t(i)", [f"{api}/"]
        ).fetchall()
        assert sent == [(f'{{"n":{number}}}',) for number in range(3)]
        with pytest.raises(ValueError, match="parameters must have 'url'"):
            patata.duckdb.register(connection, "other", ["json"])
        with pytest.raises(FrameError, match="the type of bodies has to be known"):
            patata.duckdb.register(connection, "other", body="json")


def test_a_relation_that_comes_back_can_be_asked_again_on_its_connection(server):
    with duckdb.connect() as connection:
        connection.execute("create table links as select ? as url, i from range(10) t(i)", [server.url])
        fetched = patata.fetch(connection.sql("from links"), body="text")
        for _ in range(2):
            assert fetched.aggregate("count(*), sum(status)").fetchall() == [(10, 2_000)]
        assert connection.sql("select count(*) from fetched join links using (i)").fetchall() == [(10,)]
    assert server.requests == 10


# The log


def test_a_fetch_of_a_client_is_logged_as_its_calls_are(server, caplog):
    with caplog.at_level("INFO", "patata"), Patata(input_chunk_size=100) as client:
        client.fetch(rows_of(server, 1_000), body="none")
    text = caplog.text
    assert "Start processing requests" in text
    assert "All requests processed" in text
    assert "Total requests:     1000" in text
    caplog.clear()
    with caplog.at_level("INFO", "patata"):
        patata.fetch(rows_of(server, 10), body="none")
    assert caplog.text == ""


def test_numbers_of_numpy_are_not_needed(server):
    table = pandas.DataFrame({"url": [server.url] * 2, "n": numpy.array([1, 2], dtype="int16")})
    fetched = patata.fetch(table, body="none")
    assert fetched["n"].dtype == numpy.dtype("int16")


def test_time_is_told_in_milliseconds(api):
    begun = time.monotonic()
    fetched = patata.fetch(pyarrow.table({"url": [f"{api}/delay/200"]}), body="none")
    elapsed = (time.monotonic() - begun) * 1_000
    assert 200 <= fetched["elapsed_ms"][0].as_py() <= elapsed
