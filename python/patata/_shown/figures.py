"""Figures as people read them: with separators, and in units of the right size."""

from __future__ import annotations


def count(number: int) -> str:
    """A count: ``1,679``."""
    return f"{number:,}"


def share(part: int, whole: int) -> str:
    """A share of the whole, which only all of it is a hundred per cent of."""
    if whole <= 0:
        return "100 %"
    return f"{min(part * 100 // whole, 100)} %"


def rate(a_second: float) -> str:
    """How many a second: ``300/s``, ``2.5/s``."""
    return f"{a_second:,.0f}/s" if a_second >= 10 or not a_second else f"{a_second:.1f}/s"


def seconds(time: float) -> str:
    """A time: ``2.4 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if time < 1:
        return milliseconds(time)
    if time < 10:
        return f"{time:.1f} s"
    whole = round(time)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def milliseconds(time: float) -> str:
    """A short time, given in seconds: ``9.5 ms``."""
    thousandths = time * 1000
    if thousandths >= 1000:
        return seconds(time)
    return f"{thousandths:.0f} ms" if thousandths >= 10 else f"{thousandths:.1f} ms"


def size(number: int) -> str:
    """A number of bytes: ``42.6 kB``."""
    if number < 1000:
        return "1 byte" if number == 1 else f"{number} bytes"
    amount = float(number)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.95:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:,.1f} PB"
