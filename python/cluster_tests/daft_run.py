"""A fetch with a run folder in a process that can be killed: ``daft_run.py URL ROWS FOLDER``."""

import sys

import daft
import patata.daft

if __name__ == "__main__":
    url, rows, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    frame = daft.from_pydict({"url": [f"{url}/{i}" for i in range(rows)]})
    fetched = patata.daft.fetch(frame, method="POST", run_folder=folder)
    known = fetched.where(daft.col("status") == 200).count_rows()
    print(known, fetched.count_rows())
