"""Importing changes nothing, and the log respects what the application has set up."""

import pytest
from support import run_python


def test_importing_loads_nothing_that_few_need(script):
    source = """
        import sys
        import patata, patata.testing, patata.models
        heavy = (
            "asyncio multiprocessing loky cloudpickle concurrent.futures ssl json inspect dataclasses "
            "typing_extensions pyarrow pandas ray pyspark dask daft patata._clusters patata._frames "
            "patata.pages patata._pages opentelemetry patata.telemetry patata._telemetry"
        ).split()
        print([name for name in heavy if name in sys.modules])
    """
    assert script(source) == "[]\n"


def test_callbacks_of_one_worker_load_nothing_that_processes_need(script, remote):
    source = """
        import sys
        from patata import Patata
        with Patata(1, verbose=False) as client:
            (response,) = client.http("get", [(1, sys.argv[1])], callbacks=[lambda response: response])
        print(response.status_code, [name for name in ("loky", "cloudpickle") if name in sys.modules])
    """
    assert script(source, remote) == "200 []\n"


def test_importing_touches_no_logger_and_no_signal(script):
    source = """
        import logging, signal, threading, os
        before = signal.getsignal(signal.SIGINT)
        import patata
        client = patata.Patata()
        for logger in (logging.getLogger(), logging.getLogger("patata")):
            print(logger.handlers, logger.propagate, logger.disabled)
        print(logging.getLogger("patata").level, logging.getLogger().level == logging.WARNING)
        print(signal.getsignal(signal.SIGINT) is before, threading.active_count())
        print(len(os.listdir("/proc/self/task")))
    """
    assert script(source).splitlines() == ["[] True False", "[] True False", "0 True", "True 1", "1"]


HEADER = """
    import logging, sys
    from patata import Patata

    def run(**options):
        with Patata(1, **options) as client:
            list(client.http("get", [(1, sys.argv[1])]))

    def handlers():
        return [len(logging.getLogger(name).handlers) for name in ("", "patata")]
"""


def test_without_a_set_up_exactly_one_handler_is_added(script, remote):
    source = (
        HEADER
        + """
    for _ in range(3):
        run()
        print(*handlers())
    """
    )
    assert script(source, remote) == "0 1\n" * 3


def test_a_muted_client_adds_none(script, remote):
    source = (
        HEADER
        + """
    run(verbose=False)
    print(*handlers(), logging.getLogger("patata").level)
    """
    )
    assert script(source, remote) == "0 0 0\n"


@pytest.mark.parametrize("name", ["''", "'patata'"])
def test_a_set_up_of_the_application_is_respected(script, remote, name):
    source = (
        HEADER
        + f"""
    records = []

    class Handler(logging.Handler):
        def emit(self, record):
            records.append(record)

    logging.getLogger({name}).addHandler(Handler())
    logging.getLogger({name}).setLevel(logging.INFO)
    before = handlers()
    run()
    print(handlers() == before, len(records), {{record.name for record in records}})
    """
    )
    assert script(source, remote) == "True 17 {'patata'}\n"


def test_a_basic_configuration_prints_each_line_once_in_its_own_layout(script, remote):
    source = (
        HEADER
        + """
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="mine %(message)s")
    run()
    """
    )
    lines = script(source, remote).splitlines()
    assert lines[0] == "mine Start processing requests with Patata parameters:"
    assert len(lines) == 17
    assert all(line.startswith("mine ") for line in lines)


def test_a_level_that_the_application_has_set_is_kept(script, remote):
    source = (
        HEADER
        + """
    logging.getLogger("patata").setLevel(logging.ERROR)
    run()
    print(logging.getLogger("patata").level == logging.ERROR)
    """
    )
    assert script(source, remote) == "True\n"


def test_a_set_up_that_comes_later_replaces_the_handler(script, remote):
    source = (
        HEADER
        + """
    run()
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="mine %(message)s")
    run()
    print(*handlers())
    """
    )
    lines = script(source, remote).splitlines()
    assert lines[-1] == "1 0"
    assert len(lines) == 18


def test_the_log_goes_to_standard_error(tmp_path, remote):
    path = tmp_path / "script.py"
    path.write_text(
        "from patata import Patata\n"
        f"with Patata(1) as client:\n    list(client.http('get', [(1, {remote!r})]))\n"
    )
    done = run_python(path)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 17
    assert lines[0] == "patata              INFO      Start processing requests with Patata parameters:"
