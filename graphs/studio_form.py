"""What Studio asks for before a run: the form of the input, and how far the service may go."""

import json
from importlib.resources import files
from typing import Annotated, Any

from pydantic import (
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from agent.finding import Reason, Refusal
from agent.record import JsonObject, Record
from agent.verdict import Mode
from graphs.plain import plain
from graphs.state import Slice


def examples() -> dict[str, JsonObject]:
    """One event for each situation, as AWS delivers it."""
    text = files("graphs").joinpath("studio_examples.json").read_text(encoding="utf-8")
    events: dict[str, JsonObject] = json.loads(text)
    return events


def _as_typed(typed: Any, fits: ValidatorFunctionWrapHandler) -> Any:
    """What does not fit is refused not here, where the server would print a traceback: intake does, in words."""
    try:
        return fits(typed)
    except ValidationError:
        return typed


class Pasted(Slice):
    """One security finding, worked in the embedded AWS: nothing that happens here reaches a real account."""

    model_config = ConfigDict(title="Finding")

    event: Annotated[JsonObject, WrapValidator(_as_typed)] = Field(
        title="Event",
        description=(
            "Paste one event as AWS delivers it: EventBridge around a finding of GuardDuty, Security Hub, Macie, Inspector,"
            " Config, Access Analyzer or Health, an SQS message with one inside, or the bare finding."
            " The resources that it names are made in the embedded AWS when it arrives."
        ),
        examples=list(examples().values()),
    )
    position: Annotated[int, Field(ge=0), WrapValidator(_as_typed)] = Field(
        default=0,
        title="Position",
        description="Which finding of the event this thread works, counted from 0. Each further one takes a thread of its own.",
        examples=[0],
    )

    @model_validator(mode="before")
    @classmethod
    def _with_an_event(cls, given: Any) -> Any:
        """No event at all is refused as an empty one is."""
        return {"event": {}, **given} if isinstance(given, dict) else given

    @property
    def misfit(self) -> Refusal | None:
        """Why intake refuses what was typed before it reads the event, if it does."""
        if not isinstance(self.event, dict):
            return Refusal(reason=Reason.MALFORMED, where="event", detail="It is one object, as AWS delivers it.")
        if isinstance(self.position, int) and self.position >= 0:
            return None
        return Refusal(reason=Reason.MALFORMED, where="position", detail="It is a whole number, counted from 0.")


class Chosen(Record):
    """How far the service may go. Fixed when a run is opened; a fork of a run that is over may be judged under another."""

    model_config = ConfigDict(title="Mode of the run", extra="allow", json_schema_extra={"additionalProperties": False})

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

    @property
    def misfit(self) -> Refusal | None:
        """Why intake refuses what was chosen, if it does."""
        if self.model_extra:
            other = ", ".join(plain(name, 40) for name in sorted(self.model_extra)[:5])
            return Refusal(reason=Reason.MALFORMED, where="context", detail=f"It has one field, mode, and no {other}.")
        if self.mode in list(Mode):
            return None
        return Refusal(reason=Reason.MALFORMED, where="mode", detail=f"There are {', '.join(Mode)}.")


def form() -> dict[str, Any]:
    """The schema that Studio draws the input form from."""
    return Pasted.model_json_schema()
