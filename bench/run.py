"""Measures the promises that are not about peers one after another, all or those named, as one table."""

import argparse
import sys

import cache_hits
import caches
import crawl
import fresh_clone
import harness
import import_time
import in_flight
import memory
import one_request
import programs
import run_folder
import tables
import telemetry

MODULES = {
    module.NAME: module
    for module in (
        memory,
        in_flight,
        one_request,
        run_folder,
        cache_hits,
        caches,
        crawl,
        tables,
        telemetry,
        programs,
        import_time,
        fresh_clone,
    )
}
"""In the order of the table."""

BY_DEFAULT = [name for name in MODULES if name != fresh_clone.NAME]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"any of {', '.join(MODULES)}")
    parser.add_argument("--fresh-clone", action="store_true", help="also that row, which takes many minutes")
    given = parser.parse_args()
    unknown = [name for name in given.rows if name not in MODULES]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}; there are {', '.join(MODULES)}")
    return given


def main() -> int:
    given = arguments()
    names = list(dict.fromkeys(given.rows or BY_DEFAULT))
    if given.fresh_clone and fresh_clone.NAME not in names:
        names.append(fresh_clone.NAME)
    rows = [harness.measure_row(name, MODULES[name].TARGET, MODULES[name].measure) for name in names]
    print(f"{harness.commit()} on {harness.cpu_model()}\n")
    harness.print_table(rows)
    for verdict in (harness.MISSED, harness.NOT_MEASURED):
        concerned = [row.name for row in rows if row.verdict == verdict]
        if concerned:
            print(f"{verdict}: {', '.join(concerned)}")
    if not given.rows and fresh_clone.NAME not in names:
        print("fresh_clone is measured only on request (--fresh-clone): it builds everything anew")
    return 1 if any(row.verdict == harness.MISSED for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
