"""The demo: the bundled corpus in the sandbox, each case in its own mode, and the page that shows it."""

import os
import sys
from pathlib import Path

from rich.console import Console

from evals.cli import examine
from evals.run import Exam

CASES = Path(__file__).parent / "cases"
OUT = Path("out") / "demo"


def main() -> int:
    """Replay, show, and return the exit code."""
    exam = Exam(jobs=min(4, os.cpu_count() or 1))
    return examine([CASES], exam, OUT, Console(), Console(stderr=True))


if __name__ == "__main__":
    sys.exit(main())
