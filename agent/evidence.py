"""What we looked at: facts with source and time, and whether each is known, absent, not yet there, or failed."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from agent.finding import Untrusted
from agent.record import Moment, Record
from agent.target import Target


class Standing(StrEnum):
    """How far a fact can be trusted. Failed is not absent, and neither is not yet."""

    KNOWN = "known"
    ABSENT = "absent"
    NOT_YET = "not_yet"
    FAILED = "failed"


def unit(name: str) -> str:
    """What stands after a fact's value for people: a share is a percentage."""
    return " %" if name.endswith("_share") else ""


class Fact(Record):
    """One answer to one question about one target."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")]
    """From the source's declared list, like `key.active` or `bucket.website`."""
    about: Target | None = None
    standing: Standing
    value: bool | int | str | None = None
    """Set only when known. A string here is an enum or an identifier that code chose, never free text."""
    note: str = ""
    """Why it failed or is not there yet: a code, not somebody's prose."""
    source: str
    as_of: Moment

    @property
    def id(self) -> str:
        """What a plan's rationale cites."""
        return self.name if self.about is None else f"{self.name}@{self.about.key}"


class Excerpt(Record):
    """A piece of a log or a record, as somebody else wrote it: for the model and the reader, fenced."""

    source: str
    label: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_. -]{0,60}$")]
    text: Untrusted


class Answered(Record):
    """What one source came back with."""

    source: str
    standing: Literal["known", "absent", "not_yet", "failed"]
    facts: list[Fact] = []
    targets: list[Target] = []
    """Related targets that the service itself named: they may take slots."""
    excerpts: list[Excerpt] = []
    calls: int = 0
    pages: int = 0
    bytes_read: int = 0
    note: str = ""
    chain: str = ""
    """The head of the chain of raw evidence in the case file; empty where none is kept."""


class Evidence(Record):
    """All answers of a round, by source name."""

    answers: dict[str, Answered] = {}

    def facts(self) -> list[Fact]:
        """Every fact, in the order of source and then of the source's own list."""
        return [fact for _, answer in sorted(self.answers.items()) for fact in answer.facts]

    def find(self, name: str, about: Target | None = None) -> Fact | None:
        """The fact of that name, about that target if one is given."""
        for fact in self.facts():
            if fact.name == name and (about is None or fact.about == about):
                return fact
        return None
