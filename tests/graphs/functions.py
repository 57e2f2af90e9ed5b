"""Lambda functions over a desk: the handlers as they are, in this process, with the desk's service in place of AWS."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from desk import Desk

from graphs.configuration import Configuration
from graphs.entrypoints import lambda_approvals, lambda_clock
from graphs.entrypoints.deployed import Deployed, Part
from graphs.not_here import NotHere
from graphs.runs import Runs
from graphs.service import Service

ARN = "arn:aws:lambda:eu-west-1:111122223333:function:stanch"


class Invocation:
    """The context of one invocation, with the time that it has."""

    invoked_function_arn = ARN

    def __init__(self, milliseconds: int = 300_000) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def deployed_at(at: Desk, part: Part, folder: Path) -> Deployed:
    """The function with the desk's service; it stands for all others too."""
    made = Deployed(part, Configuration(home=folder), at.service)
    vars(made)["_runs"] = at.runs
    return made


def clock(at: Desk, folder: Path, patch: pytest.MonkeyPatch, milliseconds: int = 300_000) -> Any:
    """One tick."""
    patch.setattr(lambda_clock, "deployed", lambda part: deployed_at(at, part, folder))
    return lambda_clock.handler({}, Invocation(milliseconds))


def approvals(at: Desk, folder: Path, patch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """The page's handler."""
    patch.setattr(lambda_approvals, "deployed", lambda part: deployed_at(at, part, folder))
    return lambda event: lambda_approvals.handler(event, Invocation())


def beside(at: Desk, *, hand_over: bool = False, speaks: bool = True) -> Runs:
    """The runs of another function over the same ledger and checkpoints."""
    settings = at.service.settings.model_copy(update={"hand_over": hand_over})
    model = at.service.model if speaks else NotHere()
    service: Service = dataclasses.replace(at.service, settings=settings, model=model)
    assert at.saver is not None
    return Runs(service, at.saver)
