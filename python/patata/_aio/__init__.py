"""What :class:`patata.AsyncPatata` is made of: a call on an event loop that nothing in here may block."""

TURN = 0.002
"""Seconds that anything in here takes at once before other tasks have a turn."""
