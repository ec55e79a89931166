"""Fixtures of all engines: a server that counts, and a watchdog for each test."""

import faulthandler

import pytest
from counting import Counting

LONGEST_TEST = 90


@pytest.fixture(autouse=True)
def _watchdog():
    """A test that hangs ends the session, and tells where it was."""
    faulthandler.dump_traceback_later(LONGEST_TEST, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def server():
    with Counting() as server:
        yield server
