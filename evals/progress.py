"""How far a run is: a bar on a terminal, a line now and then in a log."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from evals.summary import Examined


class _Rate(ProgressColumn):
    """Tasks a second of this run, and how long the rest takes at that."""

    def render(self, task: Task) -> Text:
        return Text(task.fields["pace"], style="cyan")


class Meter:
    """Counts tasks as they end. Without a terminal it prints a plain line at each tenth, and no control characters."""

    def __init__(self, total: int, console: Console, before: int = 0) -> None:
        """`before` of the total were done by an earlier run: they are counted, and no part of the rate."""
        self._console = console
        self._total = total
        self._before = before
        self._began = time.monotonic()
        self._done = self._right = self._wrong = self._refused = 0
        self._bar = Progress(
            TextColumn("[bold]replaying"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            _Rate(),
            TextColumn("{task.fields[score]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total, score="", pace="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def ended(self, examined: Examined | None) -> None:
        """Count one task, and the score if it has one: what an attack is measured by has none."""
        self._done += 1
        if examined is not None:
            self._refused += examined.refused
            self._right += examined.ok and not examined.refused
            self._wrong += not examined.ok
        counts = {"ok": self._right, "refused": self._refused, "not as it should be": self._wrong}
        score = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        pace = self._pace()
        self._bar.update(self._task, completed=self._done, score=score, pace=pace)
        if not self._console.is_terminal and self._done * 10 // self._total > (self._done - 1) * 10 // self._total:
            self._console.print(f"{self._done}/{self._total} replayed, {score}, {pace}", highlight=False)

    def _pace(self) -> str:
        """`3.2/s, 12 s left`."""
        elapsed, done = time.monotonic() - self._began, self._done - self._before
        if done <= 0 or elapsed <= 0:
            return "-/s"
        rate = done / elapsed
        left = round((self._total - self._done) / rate)
        return f"{rate:.1f}/s, " + (f"{left} s left" if left < 120 else f"{left // 60} min left")
