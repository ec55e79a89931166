"""What each option of Python is called by the builder of Rust and by the program, and why where by no name.

What is not named here is called as in Python: ``timeout``, ``Builder::timeout``, ``--timeout``.
"""

RUST: dict[str, list[str]] = {
    "concurrency": ["concurrency", "concurrency_auto"],
    "budgets": ["budget"],
    "budgets_per_host": ["budget_per_host"],
    "headers": ["header", "without_header", "accept"],
    "params": ["param"],
    "auth": ["auth", "basic_auth", "bearer_auth"],
    "cookies": ["cookie", "cookie_jar"],
    "json": ["body"],
    "form": ["body"],
    "content": ["body"],
    "files": ["body"],
    "proxy": ["proxy", "without_proxy", "environment_proxy"],
    "verify": ["verify", "ca_file"],
    "budget": ["allotment"],
    "workers": ["num_workers"],
    "telemetry": ["observer", "trace_parent"],
}
"""The methods of Rust's builder that have another name."""

NOT_IN_RUST: dict[str, str] = {
    "verbose_level": "the engine logs nothing: it tells its callers",
    "verbose": "the engine logs nothing: it tells its callers",
    "progress": "`Run::control().progress()` tells what a bar shows",
    "stream_to": "of each request: `Request::stream_to`",
    "budget_timeout": "of who shares the budget: `patata_budget::ClientOptions`",
    "cache_mode": "of the cache that is given: `patata_cache::UsedCache::new`",
    "if_changed": "a cache around a cache: `patata_cache::IfChanged`",
    "distinct": "a cache around a cache: `patata_cache::Distinct`",
    "run_folder": "`patata_run::RecordedRun`",
    "follow": "of a run: `patata::FollowedRun`",
    "max_depth": "of a run: `FollowedRun::max_depth`",
    "max_requests": "of a run: `FollowedRun::max_requests`",
}
"""Where the builder has none, and what there is instead."""

PROGRAM: dict[str, list[str]] = {
    "learn_limits": ["--no-learn-limits"],
    "budgets": ["--budget"],
    "budgets_per_host": ["--budget-per-host"],
    "headers": ["--header", "--user-agent"],
    "params": ["--param"],
    "auth": ["--user", "--bearer"],
    "cookies": ["--cookie", "--cookie-jar"],
    "content": ["--data"],
    "retries": ["--retries", "--retry"],
    "follow_redirects": ["--location", "--no-follow-redirects"],
    "stream_to": ["--save-to"],
    "cache": ["--cache", "--cache-max-size"],
    "ok_statuses": ["--ok"],
    "http_version": ["--http"],
    "verify": ["--cacert", "--insecure"],
    "cert": ["--cert", "--key"],
    "min_tls_version": ["--tls-min"],
    "proxy": ["--proxy", "--no-proxy"],
    "num_workers": ["--workers"],
    "run_folder": ["--output"],
    "follow": ["--pages"],
    "verbose": ["--quiet"],
    "telemetry": ["--otlp", "--trace-sample", "--metrics"],
}
"""The flags of ``patata run`` that have another name."""

NOT_IN_PROGRAM: dict[str, str] = {
    "retry_if": "it is a function",
    "seed": "for tests of programs, which the program is not",
    "files": "a body of several parts is for programs",
    "robots": "crawls are for programs: what a page leads to is said by code",
    "max_depth": "chains of pages have `maximum_pages` in `--pages`",
    "max_requests": "chains of pages have `maximum_pages` in `--pages`",
    "input_chunk_size": "the program reads files",
    "pool_submit_size": "nobody has needed another one there",
    "verbose_level": "`--progress` says what is told",
}
"""Where the program has none, and why."""

ONLY_IN_RUST: dict[str, str] = {
    "build": "what a builder is for",
    "on_input_stall": "Python logs it, with the line of the input that waits",
}
"""Methods of the builder that belong to no option of Python, and why."""

ONLY_IN_PROGRAM: dict[str, str] = {
    "--id": "of the input's rows: Python gives requests",
    "--input-format": "of the input's rows: Python gives requests",
    "--url": "of the input's rows: Python gives requests",
    "--request": "Python says the method with the call or the request",
    "--format": "of the run folder: `RunFolder(format=)`",
    "--compress": "of the run folder: `RunFolder(compression=)`",
    "--columns": "of the run folder: `RunFolder(columns=)`",
    "--schema": "of the run folder: `RunFolder(schema=)`",
    "--part-rows": "of the run folder: `RunFolder(part_rows=)`",
    "--include": "of the run folder: `RunFolder(headers=)`",
    "--unknown": "of the run folder: `RunFolder(unknown=)`",
    "--items": "`patata.pages.items`",
    "--pages-allow-origin": "`allowed_origins=` of what `patata.pages` gives",
    "--limit-rate": "bytes are counted by `budgets` and `settle`",
    "--dry-run": "Python's input may be endless",
    "--probe": "part of `--dry-run`",
    "--probe-method": "part of `--dry-run`",
    "--canary": "`max_failures=` of a call with some of the requests",
    "--log": "Python logs by `logging`, whose handlers say in which form",
    "--config": "Python has its own ways to keep defaults",
    "--help": "of the program itself",
    "--version": "`patata.__version__`",
}
"""Flags of ``patata run`` that belong to no option of Python, and why."""


def of_rust(name: str) -> list[str]:
    """The methods of the builder that an option of Python is."""
    return [] if name in NOT_IN_RUST else RUST.get(name, [name])


def of_program(name: str) -> list[str]:
    """The flags of the program that an option of Python is."""
    return [] if name in NOT_IN_PROGRAM else PROGRAM.get(name, ["--" + name.replace("_", "-")])
