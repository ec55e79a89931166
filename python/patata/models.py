"""The classes that users handle: what goes in and what comes out."""

from patata._headers import Headers
from patata._patata import Request, Response

__all__ = ["Headers", "Request", "Response"]
