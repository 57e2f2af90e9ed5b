"""`stanch iam`: the permissions that are needed, from the calls that the units declare."""

import json
from typing import Annotated

import typer

from graphs.entrypoints.opening import REFUSED, stop
from graphs.permissions import policy
from tools.action import actions
from tools.aws import Phase


def iam(
    action: Annotated[str, typer.Option("--action", metavar="ID", help="Only this action's calls.")] = "",
    phase: Annotated[
        list[Phase] | None,
        typer.Option("--phase", metavar="PHASE", help=f"Only calls of {', '.join(Phase)}. May be given again."),
    ] = None,
) -> None:
    """Print the IAM policy that is needed, as JSON. Fill {partition}, {account} and {region} before you use it."""
    if action and action not in actions():
        stop(f"no such action: {action[:60]!r}; `stanch catalogue` lists them", REFUSED)
    made = policy(action or None, phase or list(Phase))
    print(json.dumps(made, indent=2))  # noqa: T201 - the JSON is the output
