"""The rules of a playbook, as typed data: conditions over the case, and what follows when they hold."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictInt, StrictStr, model_validator

from agent.plan import Case, CaseFact, CaseTarget, Confidence, Disposition
from agent.record import Record
from agent.target import TargetKind

FactName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")]


@dataclass(frozen=True)
class View:
    """The case as it looks from one of its targets."""

    case: Case
    subject: CaseTarget

    @property
    def holder(self) -> str | None:
        """The pseudonym of the user that the subject is, or that holds it."""
        return self.subject.name if self.subject.kind is TargetKind.USER else self.subject.owner

    @property
    def user(self) -> CaseTarget | None:
        """The slot of that user."""
        users = (target for target in self.case.targets if target.kind is TargetKind.USER)
        return next((target for target in users if target.name == self.holder), None)

    @property
    def role(self) -> CaseTarget | None:
        """The slot of the role that the subject is, or that it is a session of."""
        if self.subject.kind is TargetKind.ROLE:
            return self.subject
        if self.subject.kind is not TargetKind.ROLE_SESSION:
            return None
        roles = (target for target in self.case.targets if target.kind is TargetKind.ROLE)
        return next((target for target in roles if target.name == self.subject.owner), None)

    def fact(self, name: str) -> CaseFact | None:
        """The fact of that name about the subject, or the user or role that holds it; never about anything else.

        Where several sources answer, one that knows.
        """
        slots = {held.slot for held in (self.subject, self.user, self.role) if held}
        return told(
            fact
            for fact in self.case.facts
            if fact.name == name
            and (
                fact.slot in slots
                or (fact.about is not None and fact.about == self.holder)
                or (fact.slot is None and fact.about is None)
            )
        )

    def known(self, name: str) -> bool | int | str | None:
        """The value of that fact, None if it is not known for whatever reason."""
        fact = self.fact(name)
        return fact.value if fact is not None and fact.standing == "known" else None


def told(facts: Iterable[CaseFact]) -> CaseFact | None:
    """Of what several sources say of one thing: the first that is known, else the one that is worst off."""
    order = ["known", "failed", "not_yet", "absent"]
    return min(facts, key=lambda fact: order.index(fact.standing), default=None)


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


class Step(Record):
    """An action, to what, and only if."""

    do: str
    to: Literal["subject", "user", "long_term_key", "new_keys", "role", "session_roles"]
    """`new_keys` are the user's other keys that are at most a day old, where keys were created in the window looked at, and
    the keys that the finding's own key made for other users from outside our networks. `session_roles` are those whose sessions, made
    with the key or from one another, made calls from elsewhere or calls that attackers make, unless they are denied already."""
    when: list[Condition] = []


class Rule(Record):
    """If all conditions hold, this is the answer."""

    id: Annotated[str, Field(pattern=r"^[a-z]+(_[a-z0-9]+)*$")]
    when: list[Condition] = []
    disposition: Disposition
    confidence: Confidence
    steps: list[Step] = []
    closes: list[Condition] | None = None
    """If these hold as well, the finding may be closed as benign while its severity is low or medium. None: never."""
    why: str
    """For people. `{key.calls}` in it becomes how that fact stands: `could not be read`."""

    @model_validator(mode="after")
    def _closes_by_what_is_known(self) -> Self:
        if self.closes is not None and (self.disposition is not Disposition.BENIGN or not self.when + self.closes):
            raise ValueError("only what is known to be benign closes")
        return self


class Playbook(Record):
    """The rules for one situation: the first that holds answers, for each subject."""

    situation: str
    subjects: list[TargetKind]
    """Kinds to look at, in order: the first kind that the finding is about gives the subjects."""
    rules: list[Rule]
    without_subject: Rule
    """The answer if the finding is about none of them."""

    @model_validator(mode="after")
    def _always_answers(self) -> Self:
        if self.subjects and (not self.rules or self.rules[-1].when):
            raise ValueError("the last rule has to hold always")
        return self


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
