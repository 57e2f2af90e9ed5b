"""What Studio asks for before a run: the form of the input, and how far the service may go."""

import json
from importlib.resources import files
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidatorFunctionWrapHandler, WrapValidator

from agent.record import JsonObject, Record
from agent.verdict import Mode
from graphs.state import Slice


def examples() -> dict[str, JsonObject]:
    """One event for each situation, as AWS delivers it."""
    text = files("graphs").joinpath("studio_examples.json").read_text(encoding="utf-8")
    events: dict[str, JsonObject] = json.loads(text)
    return events


class Pasted(Slice):
    """One security finding, worked in the embedded AWS: nothing that happens here reaches a real account."""

    model_config = ConfigDict(title="Finding")

    event: JsonObject = Field(
        title="Event",
        description=(
            "Paste one event as AWS delivers it: EventBridge around a finding of GuardDuty, Security Hub, Macie, Inspector,"
            " Config, Access Analyzer or Health, an SQS message with one inside, or the bare finding."
            " The resources that it names are made in the embedded AWS when it arrives."
        ),
        examples=list(examples().values()),
    )
    position: int = Field(
        default=0,
        ge=0,
        title="Position",
        description="Which finding of the event this thread works, counted from 0. Each further one takes a thread of its own.",
        examples=[0],
    )


def _as_typed(typed: Any, _: ValidatorFunctionWrapHandler) -> Any:
    """No mode is refused here, where the server would print a traceback: intake does, in words."""
    return typed


class Chosen(Record):
    """How far the service may go. Fixed when a run is opened; a fork of a run that is over may be judged under another."""

    model_config = ConfigDict(title="Mode of the run")

    mode: Annotated[Mode, WrapValidator(_as_typed)] = Field(
        default=Mode.APPROVE,
        title="Mode",
        description=(
            "observe: writes nothing and says what it would have done."
            " approve: every write asks you first."
            " auto: policy decides what runs at once, what asks you, and what is denied."
        ),
        examples=[mode.value for mode in Mode],
    )


def form() -> dict[str, Any]:
    """The schema that Studio draws the input form from."""
    return Pasted.model_json_schema()
