"""The case as it looks from one of its targets: what is known of it, and of who holds it."""

from collections.abc import Iterable
from dataclasses import dataclass

from agent.plan import Case, CaseFact, CaseTarget
from agent.target import TargetKind


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
