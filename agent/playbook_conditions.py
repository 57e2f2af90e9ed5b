"""The conditions of a playbook's rules, as typed data over the case."""

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt, StrictStr

from agent.plan import CaseFact
from agent.playbook_view import View
from agent.record import Record
from agent.target import TargetKind

FactName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")]


class FactIs(Record):
    """The fact is known to have this value."""

    fact: FactName
    equals: Annotated[StrictBool | StrictInt | StrictStr, Field(alias="is")]

    def holds(self, view: View) -> bool:
        """Whether it does, of the view's subject."""
        value = view.known(self.fact)
        return type(value) is type(self.equals) and value == self.equals


class FactIsNot(Record):
    """The fact is not known to have this value: it has another, or nobody knows."""

    fact: FactName
    differs: Annotated[StrictBool | StrictInt | StrictStr, Field(alias="is_not")]

    def holds(self, view: View) -> bool:
        """Whether it does, of the view's subject."""
        value = view.known(self.fact)
        return type(value) is not type(self.differs) or value != self.differs


class FactAtLeast(Record):
    """The fact is known and at least this."""

    fact: FactName
    at_least: StrictInt

    def holds(self, view: View) -> bool:
        """Whether it does, of the view's subject."""
        value = view.known(self.fact)
        return type(value) is int and value >= self.at_least


class FactAtMost(Record):
    """The fact is known and at most this."""

    fact: FactName
    at_most: StrictInt

    def holds(self, view: View) -> bool:
        """Whether it does, of the view's subject."""
        value = view.known(self.fact)
        return type(value) is int and value <= self.at_most


class FactUnknown(Record):
    """The fact is not known: absent, not yet there, failed, or nobody asked."""

    fact: FactName
    unknown: Literal[True]

    def holds(self, view: View) -> bool:
        """Whether it does, of the view's subject."""
        return view.known(self.fact) is None


class FactAnywhere(Record):
    """A fact of that name is known and at least this, about anything in the case: a peer's address, say."""

    anywhere: FactName
    at_least: StrictInt

    def holds(self, view: View) -> bool:
        """Whether there is one."""
        return any(_reaches(fact, self.anywhere, self.at_least) for fact in view.case.facts)


class FactNowhere(Record):
    """No fact of that name is known to be at least this."""

    nowhere: FactName
    at_least: StrictInt

    def holds(self, view: View) -> bool:
        """Whether there is none."""
        return not any(_reaches(fact, self.nowhere, self.at_least) for fact in view.case.facts)


def _reaches(fact: CaseFact, name: str, least: int) -> bool:
    return fact.name == name and fact.standing == "known" and type(fact.value) is int and fact.value >= least


class SubjectIs(Record):
    """The subject is, or is not, a temporary access key."""

    temporary: StrictBool

    def holds(self, view: View) -> bool:
        """Whether it does, of the view's subject."""
        return view.subject.temporary == self.temporary


class KindIs(Record):
    """The subject is of this kind."""

    kind: TargetKind

    def holds(self, view: View) -> bool:
        """Whether it is."""
        return view.subject.kind is self.kind


class TypeIs(Record):
    """The finding's type matches a shell pattern."""

    type: str

    def holds(self, view: View) -> bool:
        """Whether it does, of the view's finding."""
        return fnmatchcase(view.case.finding_type, self.type)


class SeverityAtLeast(Record):
    """The service's own severity is at least this."""

    severity_at_least: StrictInt

    def holds(self, view: View) -> bool:
        """Whether it does, of the view's finding."""
        return view.case.severity >= self.severity_at_least


class AnyOf(Record):
    """One of these holds."""

    any_of: list["Condition"]

    def holds(self, view: View) -> bool:
        """Whether one does."""
        return any(each.holds(view) for each in self.any_of)


class AllOf(Record):
    """All of these hold."""

    all_of: list["Condition"]

    def holds(self, view: View) -> bool:
        """Whether all do."""
        return all(each.holds(view) for each in self.all_of)


Condition = (
    FactIs
    | FactIsNot
    | FactAtLeast
    | FactAtMost
    | FactUnknown
    | FactAnywhere
    | FactNowhere
    | KindIs
    | SubjectIs
    | TypeIs
    | SeverityAtLeast
    | AnyOf
    | AllOf
)  # each forbids the fields of the others, so exactly one fits


def fact_names(conditions: list[Condition], *, elsewhere: bool = False) -> list[str]:
    """The facts that these conditions look at, in order; `elsewhere` as well: also those about anything in the case."""
    names: list[str] = []
    for each in conditions:
        if isinstance(each, AnyOf | AllOf):
            names += fact_names(each.any_of if isinstance(each, AnyOf) else each.all_of, elsewhere=elsewhere)
        elif elsewhere and isinstance(each, FactAnywhere | FactNowhere):
            names.append(each.anywhere if isinstance(each, FactAnywhere) else each.nowhere)
        elif isinstance(each, FactIs | FactIsNot | FactAtLeast | FactAtMost | FactUnknown):
            names.append(each.fact)
    return list(dict.fromkeys(names))
