"""Ray, really started on this machine, with two CPUs."""

from pathlib import Path

import patata.ray
import pyarrow as pa
import pytest
import ray
import ray.data
from facts import Facts, Killed


@pytest.fixture(scope="module", autouse=True)
def cluster():
    # Ray would give its processes the address of another interface, which a sandbox may not let them reach.
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
        object_store_memory=200 << 20,
        _node_ip_address="127.0.0.1",
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


class TestRay(Facts, Killed):
    patata = patata.ray

    def frame(self, columns, parts):
        table = pa.table(columns)
        size = max(1, -(-len(table) // parts))
        return ray.data.from_arrow([table.slice(at, size) for at in range(0, len(table), size)])

    def rows(self, frame):
        return frame.take_all()

    def workers(self):
        processes = [path for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [int(path.name) for path in processes if b"MapWorker" in command(path)]

    def actions(self, frame):
        assert frame.schema().names[2:4] == ["status", "body"]
        assert frame.count() == frame.sort("n", descending=True).count()
        assert frame.map_batches(lambda batch: batch).materialize().num_blocks() > 0

    def piped(self, frame, **options):
        return frame.map_batches(
            patata.ray.mapper(**options),
            batch_format="pyarrow",
            batch_size=None,
            compute=ray.data.ActorPoolStrategy(size=2),
            num_cpus=0.5,
        )


def command(path):
    """The command line of a process, while there is one."""
    try:
        return (path / "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_cluster_that_is_not_there_is_an_error():
    # The last test: it ends the one that the others had.
    frame = ray.data.from_arrow(pa.table({"url": ["http://127.0.0.1:1"]}))
    ray.shutdown()
    with pytest.raises(ConnectionError, match="there is no Ray cluster"):
        patata.ray.fetch(frame)
