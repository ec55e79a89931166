"""The two classes that users handle: what goes in and what comes out."""

from patata._patata import Request, Response

__all__ = ["Request", "Response"]
