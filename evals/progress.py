"""How far a run is: a bar on a terminal, a line now and then in a log."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from evals.summary import Examined


class _Rate(ProgressColumn):
    """Items a second."""

    def render(self, task: Task) -> Text:
        elapsed = task.elapsed or 0.0
        return Text(f"{task.completed / elapsed:.1f}/s" if elapsed > 0 else "-/s", style="cyan")


class Meter:
    """Counts items as they end. Without a terminal it prints a plain line at each tenth, and no control characters."""

    def __init__(self, total: int, console: Console) -> None:
        self._console = console
        self._total = total
        self._done = self._right = self._wrong = 0
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
        self._task = self._bar.add_task("", total=total, score="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def ended(self, examined: Examined) -> None:
        """Count one item."""
        self._done += 1
        self._right += examined.ok
        self._wrong += not examined.ok
        score = f"{self._right} ok" + (f", {self._wrong} not" if self._wrong else "")
        self._bar.update(self._task, completed=self._done, score=score)
        if not self._console.is_terminal and self._done * 10 // self._total > (self._done - 1) * 10 // self._total:
            self._console.print(f"{self._done}/{self._total} replayed, {score}", highlight=False)
