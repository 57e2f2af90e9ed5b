"""intake: take one finding out of the event, read it again at its own service, and refuse or skip with a reason."""

from dataclasses import replace

from langgraph.runtime import Runtime

from agent.casefile import Looked
from agent.event import Event
from agent.evidence import Answered, Fact, Standing
from agent.finding import REFUSED_FOR, Finding, Reason, Refusal
from agent.intake import parse, sent
from agent.record import JsonObject
from graphs.keeping import keep
from graphs.own_undo import is_our_undo
from graphs.own_update import witnessed
from graphs.screening import screen
from graphs.service import Service
from graphs.state import Arrived, Context, Taken
from tools.aws import Phase, Tally
from tools.reread import CALLS, Reread, is_same, reread

ANOTHER = "another_finding"
"""Its own service answered one that is not the one that was asked for: then nobody knows what the finding is now."""
_ITS_WORLD = (
    "is not in the registry of the sandbox's world: after `stanch sandbox reset` a new one is made from the finding, "
    "or from --world FILE"
)


def intake(state: Arrived, runtime: Runtime[Context], service: Service) -> Taken:
    """The finding as its own service says it is now, or why we do not work it."""
    found = chosen(state.event, state.position)
    if isinstance(found, Refusal):
        return Taken(run_id=state.run_id, refusal=found)
    first = screened(found, state.event, state.position, service)
    if first is not None and first.reason in REFUSED_FOR:
        # nothing is read in an account that an event merely claims
        return Taken(run_id=state.run_id, finding=found, refusal=first)
    tally = Tally()
    current, answered = _current(found, state, service, tally)
    calls = {"intake": tally.by_phase}
    # a note that came while the finding was on its way is no reason to leave it: an echo brings it with it, and ends at the door
    refusal = (
        current
        if isinstance(current, Refusal)
        else screened(current, state.event, state.position, service, heeds_note=False)
    )
    if refusal is not None:
        finding = current if isinstance(current, Finding) else found
        return Taken(run_id=state.run_id, finding=finding, refusal=refusal, calls=calls)
    return Taken(run_id=state.run_id, finding=current, evidence={"intake": answered}, calls=calls)


def chosen(event: Event, position: int) -> Finding | Refusal:
    """The finding at that place of the event, or why there is none to work."""
    items = parse(event).findings
    if position < len(items):
        return items[position]
    return Refusal(reason=Reason.MALFORMED, where=f"findings[{position}]", detail="The event has no such finding.")


def screened(
    finding: Finding, event: Event, position: int, service: Service, *, heeds_note: bool = True
) -> Refusal | None:
    """Why the finding is not worked, from the finding, what the ledger says of a comment on it, and whether it came by itself."""
    settings = service.settings
    if is_our_undo(finding, service):
        return Refusal(reason=Reason.ECHO, where="targets", detail="a key that we activated again ourselves")
    by_a_person = sent(event, position, settings.custom_action) is not None
    why = screen(
        witnessed(finding, service),
        service.registry,
        minimum_severity=settings.minimum_severity,
        samples_are_real=settings.samples_are_real,
        since=None if event.by_hand or by_a_person else service.since(),
        heeds_note=heeds_note,
        sent=by_a_person,
    )
    if why is not None and why.reason is Reason.ACCOUNT_NOT_SERVED and settings.sandbox:
        return why.model_copy(update={"detail": f"account {finding.account} {_ITS_WORLD}"})
    return why


def _current(finding: Finding, state: Arrived, service: Service, tally: Tally) -> tuple[Finding | Refusal, Answered]:
    """Read the finding again. What its service no longer knows is not worked; what cannot be read lowers autonomy."""
    looked: list[Looked] = []
    aws = replace(service, looked=looked.append).aws(finding.account, finding.region, Phase.READ, CALLS, tally)
    again: Reread = reread(aws, finding)
    kept = keep(service, state.run_id, "intake", looked)
    current = None if again.body is None else _answered(finding, again.body, state.event)
    if again.body is not None and current is None:
        again = Reread(outcome="failed", note=ANOTHER)
    fact = Fact(name="finding.reread", standing=Standing(again.outcome), note=again.note, source="intake",
                as_of=service.clock(), value=True if again.outcome == "known" else None)  # fmt: skip
    calls = sum(tally.by_phase.get("read", {}).values())
    answered = Answered(
        source="intake", standing=again.outcome, facts=[fact], calls=calls, chain=kept.head, note=kept.fault
    )
    if again.outcome == "absent":
        detail = f"Its own service does not know this finding. {again.doubt}".strip()
        return Refusal(reason=Reason.NOT_FOUND, where="finding", detail=detail), answered
    return current or finding, answered


def _answered(finding: Finding, body: JsonObject, event: Event) -> Finding | None:
    """The finding in what its service answered, under the key by which it came; None where that is another, or none."""
    told = parse(Event(body=body, received_at=event.received_at, via=event.via)).findings
    same = (one for one in told if isinstance(one, Finding) and is_same(finding, one))
    return next((one.model_copy(update={"key": finding.key}) for one in same), None)
