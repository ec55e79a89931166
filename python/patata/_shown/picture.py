"""The picture of a call under way: how far it is, how fast, what failed, and what limits it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from patata._shown import figures
from patata._shown.block import TRACK, block, coloured, emphasized, framed, soft
from patata._shown.texts import escaped

NAMED = 3
"""The most reasons of failures, and hosts, that are named."""


class Scene(NamedTuple):
    """What a picture is drawn from."""

    done: int
    total: int | None
    """How many requests there are in all, where that is known."""
    failed: int = 0
    reasons: Mapping[str, int] = {}
    """Why requests have failed, and how many."""
    in_flight: int = 0
    limit: str | None = None
    """What limits the call just now."""
    troubled: tuple[str, ...] = ()
    """The hosts that do not answer."""
    p50: float = 0.0
    p99: float = 0.0
    rate: float | None = None
    """Requests a second of late, or over the whole call once it has ended; where it is known."""
    left: float | None = None
    """Seconds until the rest is done; where it is known."""
    seconds: float | None = None
    """For how long the call has been at work; where it is known."""
    ending: str | None = None
    """How it has ended, in words; ``None`` while it is under way."""
    is_whole: bool = False
    """Whether it has ended with all."""

    @property
    def counts(self) -> tuple[object, ...]:
        """What does not change with time alone."""
        return self.done, self.failed, self.in_flight, self.limit, self.troubled, self.ending


def html_of(scene: Scene) -> str:
    """The picture as HTML, of the same height from the beginning to the end."""
    line = "display:flex;flex-wrap:wrap;align-items:center;gap:2px 14px"
    first = "".join(f"<span>{part}</span> " for part in _first(scene))
    second = "".join(f"<span>{part}</span> " for part in _second(scene))
    return framed(
        f'<div style="{line}">{first}</div>{_bar(scene)}<div style="{line};font-size:12px">{second}</div>'
    )


def text_of(scene: Scene) -> str:
    """The same as one line of text, for what shows no HTML."""
    parts = [_count(scene)]
    if scene.total is not None:
        parts[0] += f" ({figures.share(scene.done, scene.total)})"
    parts += [*_pace(scene), f"{figures.count(scene.failed)} failed", *_times(scene)]
    if scene.ending is None:
        parts.append(f"{figures.count(scene.in_flight)} in flight")
        parts += [f"limited by {scene.limit}"] if scene.limit else []
        parts += [f"no answer from {_hosts(scene)}"] if scene.troubled else []
    else:
        parts.append(scene.ending)
    return ", ".join(parts)


def of_call(progress: Any, receipt: Any, has_begun: bool, has_ended: bool) -> str:
    """The picture of a call as it is now, of whose past nothing is known."""
    if not has_begun:
        return block("Responses", soft("the call has not begun: take the first one, and it does"))
    times = {} if receipt is None else {"p50": receipt.latency.p50, "p99": receipt.latency.p99}
    scene = Scene(
        done=progress.done,
        # Of an input that may be endless, nobody knows how much there is.
        total=progress.submitted,
        failed=progress.failed,
        reasons={} if receipt is None else receipt.reasons(),
        in_flight=progress.in_flight,
        limit=progress.bottleneck,
        troubled=progress.troubled_hosts,
        ending="ended" if has_ended else None,
        is_whole=has_ended and progress.done == progress.submitted,
        **times,
    )
    return html_of(scene)


def _count(scene: Scene) -> str:
    if scene.total is None:
        return f"{figures.count(scene.done)} done"
    return f"{figures.count(scene.done)} of {figures.count(scene.total)}"


def _pace(scene: Scene) -> list[str]:
    """How fast it is, and how long it takes."""
    parts = []
    if scene.rate is not None:
        parts.append(f"{figures.rate(scene.rate)}{'' if scene.ending is None else ' on average'}")
    if scene.ending is None and scene.left is not None:
        parts.append(f"{figures.seconds(scene.left)} left")
    if scene.seconds is not None and (scene.ending is not None or scene.left is None):
        parts.append(f"in {figures.seconds(scene.seconds)}")
    return parts


def _times(scene: Scene) -> list[str]:
    if not scene.p99:
        return []
    return [f"p50 {figures.milliseconds(scene.p50)}", f"p99 {figures.milliseconds(scene.p99)}"]


def _hosts(scene: Scene) -> str:
    return ", ".join(scene.troubled[:NAMED]) + ", …" * (len(scene.troubled) > NAMED)


def _first(scene: Scene) -> list[str]:
    parts = [f"<b>{_count(scene)}</b>"]
    if scene.total is not None:
        parts.append(figures.share(scene.done, scene.total))
    parts += [escaped(part) for part in _pace(scene)]
    if scene.ending is not None:
        parts.append(emphasized(escaped(scene.ending), "good" if scene.is_whole else "fair"))
    return parts


def _second(scene: Scene) -> list[str]:
    parts = [_failures(scene)]
    if times := _times(scene):
        parts.append(soft("latency ") + escaped("  ".join(times)))
    if scene.ending is None:
        parts.append(soft("in flight ") + figures.count(scene.in_flight))
        if scene.limit:
            parts.append(soft("limited by ") + escaped(scene.limit))
        if scene.troubled:
            parts.append(emphasized(f"no answer from {escaped(_hosts(scene))}", "bad"))
    return parts


def _failures(scene: Scene) -> str:
    if not scene.failed:
        return soft("0 failed")
    often = sorted(scene.reasons.items(), key=lambda reason: -reason[1])
    named = ", ".join(f"{name}: {figures.count(count)}" for name, count in often[:NAMED])
    told = f" ({escaped(named)}{', …' * (len(often) > NAMED)})" if named else ""
    return emphasized(f"{figures.count(scene.failed)} failed", "bad") + soft(told)


def _bar(scene: Scene) -> str:
    """How much is done, and how much of it has failed; nothing of that where the total is not known."""
    total = scene.total
    if total is None:
        total = scene.done if scene.is_whole else 0
    elif not total:
        total = 1 if scene.is_whole else 0
    done = scene.done if scene.done or not scene.is_whole else total
    failed = min(scene.failed, done)
    meaning = "busy" if scene.ending is None else "good" if scene.is_whole else "fair"
    parts = _part(done - failed, max(total, done), meaning) + _part(failed, max(total, done), "bad")
    style = f"display:flex;height:6px;margin:4px 0;border-radius:3px;overflow:hidden;background:{TRACK}"
    return f'<div style="{style}">{parts if total else ""}</div>'


def _part(count: int, total: int, meaning: str) -> str:
    if not count:
        return ""
    # What is there at all can be seen.
    return f'<div style="width:{count / total:.2%};min-width:2px;{coloured("background", meaning)}"></div>'
