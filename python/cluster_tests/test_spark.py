"""Spark, really started on this machine, with two cores."""

import os
import signal
import sys
from pathlib import Path

import patata.spark
import pyarrow as pa
import pytest
from facts import Facts, Killed
from pyspark.sql import SparkSession


def started(master="local[2,4]", **settings):
    """A session. With local[2] a task that fails once would fail the job."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(master).config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.sql.shuffle.partitions", "4")
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    for name, value in settings.items():
        builder = builder.config(name.replace("_", "."), value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session


@pytest.fixture(scope="module")
def session():
    session = started()
    yield session
    session.stop()


@pytest.fixture(autouse=True)
def _kept(request):
    if request.cls is not None:
        request.cls.session = request.getfixturevalue("session")


class TestSpark(Facts, Killed):
    patata = patata.spark

    def frame(self, columns, parts):
        return self.session.createDataFrame(pa.table(columns)).repartition(parts)

    def rows(self, frame):
        return frame.toArrow().to_pylist()

    def workers(self):
        daemons = [int(path.name) for path in processes() if b"pyspark.daemon" in command(path)]
        return [process for process in daemons if parent(process) in daemons]

    def actions(self, frame):
        assert frame.columns[2:4] == ["status", "body"]
        frame.orderBy("n").write.format("noop").mode("overwrite").save()
        assert frame.count() == frame.join(frame.withColumnRenamed("status", "again"), "n").count()
        assert frame.groupBy("status").count().collect()

    def piped(self, frame, **options):
        fetching = patata.spark.mapper(**options)
        return frame.mapInArrow(fetching, fetching.schema(frame)).localCheckpoint()


def processes():
    return [path for path in Path("/proc").iterdir() if path.name.isdigit()]


def command(path):
    """The command line of a process, while there is one."""
    try:
        return (path / "cmdline").read_bytes()
    except OSError:
        return b""


def parent(process):
    """The process that has started another one."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def test_a_session_that_has_ended_is_an_error_and_one_that_speculates_is_refused(server):
    # The last test: it ends the session that the others had.
    session = started()
    ended = session.createDataFrame([("http://127.0.0.1:1",)], ["url"])
    session.stop()
    with pytest.raises(ConnectionError, match="there is no Spark"):
        patata.spark.fetch(ended)

    session = started(spark_speculation="true")
    frame = session.createDataFrame([(f"{server.url}/1",)], ["url"])
    with pytest.raises(ValueError, match=r"spark\.speculation is on"):
        patata.spark.fetch(frame)
    assert len(server) == 0
    assert patata.spark.fetch(frame, idempotency_key=True).count() == 1
    assert len(server) == 1


def test_rows_that_are_lost_with_an_executor_are_an_error_or_read_from_the_run_folder(server, tmp_path):
    # Executors in processes of their own, which local[2] has not; the last test, as the one before it.
    if active := SparkSession.getActiveSession():
        active.stop()
    session = started("local-cluster[2,1,1024]", spark_executor_memory="1g")
    frame = session.createDataFrame(
        pa.table({"url": [f"{server.url}/{i}" for i in range(1_000)]})
    ).repartition(4)
    cached = patata.spark.fetch(frame)
    recorded = patata.spark.fetch(frame, run_folder=tmp_path)
    assert len(server) == 2_000

    executors = [path for path in processes() if b"CoarseGrainedExecutorBackend" in command(path)]
    ours = [int(path.name) for path in executors if is_ours(int(path.name))]
    os.kill(ours[0], signal.SIGKILL)
    with pytest.raises(Exception, match="CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND"):
        cached.collect()
    assert {row.status for row in recorded.collect()} == {200}
    assert len(server) == 2_000


def is_ours(process):
    """Whether a process comes from this one."""
    while process > 1 and process != os.getpid():
        process = parent(process)
    return process == os.getpid()
