"""The argument of commands that are about one run."""

from typing import Annotated

import typer

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]
