"""The word of the person who takes something back or lets it go: whose it is, and what exactly it covers."""

from datetime import timedelta
from typing import Literal

from agent.plan import digest_of
from agent.report import Report, ReportedAction
from agent.verdict import Approval
from graphs.people import canonical, known, people, subjects, unlisted
from graphs.service import Service
from graphs.undo_lease import NothingToUndo


def approver(by: str, report: Report, chosen: list[ReportedAction], service: Service) -> str | NothingToUndo:
    """The person by their canonical name; or why they have no say in it."""
    person = canonical(by)
    if person is None or not known(person, service.registry):
        return NothingToUndo(detail=unlisted(by))
    if person in subjects(report.finding, [a.planned for a in chosen]):
        return NothingToUndo(detail=f"{person} is named in the finding and has no say in it")
    return person


def word_of(
    service: Service, run_id: str, chosen: list[ReportedAction], by: str, what: Literal["undo", "let_go"], reason: str
) -> Approval:
    """The person's word, bound to exactly these changes and what is done with them; signed and kept."""
    now = service.clock()
    digest = digest_of({what: run_id, "changes": [a.planned.change.model_dump(mode="json") for a in chosen]})
    blank = Approval(
        run_id=run_id, digest=digest, decision="approve", action_ids=[a.planned.id for a in chosen], by=by,
        role=", ".join(people(service.registry).get(by, [])), reason=reason, at=now,
        expires_at=now + timedelta(minutes=5), nonce=service.nonce(),
    )  # fmt: skip
    approval = blank.model_copy(update={"signature": service.sign(blank)})
    service.ledger.answer(approval)
    return approval
