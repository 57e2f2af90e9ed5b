"""The command line in this process, over a home of its own."""

import os
from pathlib import Path
from unittest import mock

from typer.testing import CliRunner

from graphs.entrypoints.cli import app


def command(home: Path, *words: str, answer: str | None = None) -> tuple[int, str]:
    """What one command ends with, and all that it says with its lines joined."""
    with mock.patch.dict(os.environ, {"STANCH_HOME": str(home)}):
        ended = CliRunner().invoke(app, list(words), input=answer)
    return ended.exit_code, " ".join(ended.output.split())
