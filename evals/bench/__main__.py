"""`python -m evals.bench`: measure, print a table, write bench.json, and say which promises are kept."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evals.bench.figures import Bench, Size
from evals.bench.measuring import PARTS, measured


def bench(
    size: Annotated[str, typer.Option(help="tiny, default or full.")] = "default",
    out: Annotated[Path, typer.Option(help="Where bench.json goes.")] = Path("out") / "bench" / "bench.json",
    only: Annotated[list[str] | None, typer.Option(help=f"Only these: {', '.join(PARTS)}.")] = None,
) -> None:
    """Measure what Stanch costs. Exit code 0 whatever the figures are: they are no test."""
    unknown = [name for name in only or [] if name not in PARTS]
    if size not in ("tiny", "default", "full") or unknown:
        sys.exit(f"sizes are tiny, default and full; parts are {', '.join(PARTS)}")
    named: Literal["tiny", "default", "full"] = size  # type: ignore[assignment]  # looked at above
    progress = Console(stderr=True)
    result = measured(
        Size.named(named), only or list(PARTS), lambda name: progress.print(f"measuring {name}", highlight=False)
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(result.model_dump_json(indent=2) + "\n", encoding="utf-8")
    show(result, Console())
    Console().print(f"written to {out}", highlight=False, soft_wrap=True)


def show(result: Bench, say: Console) -> None:
    """Figures, then goals."""
    say.print(f"Python {result.python}, {result.machine}, {result.cpus} cpus, load {result.load}", highlight=False)
    figures = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), expand=True)
    for name in ("measured", "value", "least"):
        figures.add_column(
            name, justify="left" if name == "measured" else "right", ratio=3 if name == "measured" else None
        )
    for one in result.figures:
        what = Text(one.name).append(f"\n{one.note}" if one.note else "", style="dim")
        figures.add_row(what, _number(one.value, one.unit), _number(one.low, one.unit) if one.low is not None else "")
    say.print(figures)
    goals = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), expand=True)
    for name in ("goal", "at most", "is", ""):
        goals.add_column(name, justify="left" if name in ("goal", "") else "right", ratio=3 if name == "goal" else None)
    for goal in result.goals:
        met = {
            True: Text("met", style="green"),
            False: Text("not met", style="red"),
            None: Text("not measured", style="yellow"),
        }
        what = Text(goal.name).append(f"\n{goal.note}" if goal.note else "", style="dim")
        goals.add_row(what, _number(goal.limit, goal.unit), _number(goal.value, goal.unit), met[goal.met])
    say.print(goals)


def _number(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:g} {unit}".strip()


if __name__ == "__main__":
    typer.run(bench)
