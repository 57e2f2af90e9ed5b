"""The rules of a playbook, as typed data: conditions over the case, and what follows when they hold."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from agent.plan import Confidence, Disposition
from agent.playbook_conditions import Condition
from agent.record import Record
from agent.target import TargetKind


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
