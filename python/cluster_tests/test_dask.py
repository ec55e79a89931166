"""Dask, really started: a scheduler, and two workers in processes of their own."""

import os
import signal

import dask.dataframe as dd
import pandas as pd
import patata.dask
import pytest
from distributed import Client, LocalCluster
from facts import Facts, Killed


def test_a_cluster_that_is_not_there_is_an_error():
    # There is none before the first test that asks for one.
    frame = dd.from_pandas(pd.DataFrame({"url": ["http://127.0.0.1:1"]}), npartitions=1)
    with pytest.raises(ConnectionError, match="there is no Dask cluster"):
        patata.dask.fetch(frame)


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.mark.usefixtures("client")
class TestDask(Facts, Killed):
    patata = patata.dask

    def frame(self, columns, parts):
        return dd.from_pandas(pd.DataFrame(columns), npartitions=parts)

    def rows(self, frame):
        found = frame.compute()
        missing = found.astype(object).where(found.notna(), None)
        return missing.to_dict("records")

    def workers(self):
        return list(Client.current().run(os.getpid).values())

    def actions(self, frame):
        assert list(frame.columns)[2:4] == ["status", "body"]
        assert frame.dtypes.to_dict() == frame.compute().dtypes.to_dict()
        assert len(frame.set_index("n").compute()) == len(frame)
        assert len(frame.merge(frame, on="n")) == len(frame)
        assert frame.npartitions == 16

    def piped(self, frame, **options):
        fetching = patata.dask.mapper(**options)
        return frame.map_partitions(fetching, meta=fetching.meta(frame))

    def test_the_index_is_kept(self, server):
        frame = pd.DataFrame({"url": [server.url] * 4}, index=pd.Index([3, 3, 5, 9], name="key"))
        fetched = patata.dask.fetch(dd.from_pandas(frame, npartitions=2)).compute()
        assert fetched.index.equals(frame.index)

    def test_rows_that_are_lost_with_a_worker_afterwards_are_an_error_and_not_sent_again(self, server):
        fetched = self.patata.fetch(self.urls(server, 1_000))
        os.kill(self.workers()[0], signal.SIGKILL)
        with pytest.raises(patata.dask.ResultLost, match="fetch anew"):
            fetched.compute()
        assert len(server) == 1_000

    def test_rows_that_are_lost_with_a_worker_afterwards_are_read_from_the_run_folder(self, server, tmp_path):
        fetched = self.patata.fetch(self.urls(server, 1_000), run_folder=tmp_path)
        os.kill(self.workers()[0], signal.SIGKILL)
        assert len(fetched.compute()) == len(server) == 1_000
