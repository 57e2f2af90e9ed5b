"""The base of every record: frozen, closed, and checked again wherever it is used."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, JsonValue, PlainSerializer

JsonObject = dict[str, JsonValue]


def iso(moment: datetime) -> str:
    """Write a moment the one way Stanch writes moments: UTC, milliseconds, a trailing Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _as_written(moment: datetime) -> datetime:
    """Without what writing it would lose: a record that was stored and read again equals itself."""
    lost = moment.microsecond % 1000
    return moment.replace(microsecond=moment.microsecond - lost) if lost else moment


Moment = Annotated[AwareDatetime, AfterValidator(_as_written), PlainSerializer(iso, return_type=str, when_used="json")]


class Record(BaseModel):
    """A fact that nobody changes: it is replaced, never edited."""

    model_config = ConfigDict(frozen=True, extra="forbid", revalidate_instances="always")
