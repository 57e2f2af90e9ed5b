"""approve: stop for a person. The only interrupt, in a node that does nothing else."""

from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import interrupt
from pydantic import Field, ValidationError

from agent.record import JsonObject, Record
from agent.verdict import Approval, Request, Verdict
from graphs.quorum import NOBODY, heard
from graphs.refused_before import kept, left_out, lifted
from graphs.service import Service
from graphs.state import Context, Decided, Decision, Waiting

UNSIGNED = "studio"
"""Who an unsigned answer is from. It counts in the sandbox only."""


class Choice(Record):
    """What is answered to one action, in the shape of LangChain's human-in-the-loop decisions."""

    type: Literal["approve", "reject"]
    message: str = Field(default="", description="Why, in your own words. It is kept with the answer.")


class Reply(Record):
    """The whole answer. Either decisions, one an action in the request's order, or signed approvals by their nonces."""

    decisions: list[Choice] = Field(
        default=[],
        description="One for each action that is asked, in the same order. Rejecting some of them drops those and runs the others.",
        examples=[[{"type": "approve"}], [{"type": "reject", "message": "not now"}]],
    )
    nonces: list[str] = Field(
        default=[], description="Signed answers that the ledger holds already: not for typing in."
    )
    expired: bool = Field(default=False, description="Nobody answered in time: not for typing in.")


class Misfit(Record):
    """An answer outside the schema."""

    why: str


def approve(state: Waiting, runtime: Runtime[Context], service: Service) -> Decided:
    """Ask, and keep what came back. Nothing that the interface echoes is executed: only the request's own actions are."""
    reply = _asked(card(state))
    while isinstance(reply, Misfit) or not _decides(reply, state, service):
        # an answer that does not fit, or of an interface that cannot sign, decides nothing: the run goes on waiting
        said = {"not_understood": reply.why} if isinstance(reply, Misfit) else {}
        reply = _asked({**said, **card(state)})
    decision = decided(reply, state, service)
    return Decided(decisions={state.request.digest: decision})


def _asked(shown: JsonObject) -> Reply | Misfit:
    """Ask. The schema is told and not enforced there: an error of the whole run would be no word to whoever answered."""
    given = interrupt(shown, response_schema=Reply.model_json_schema())
    try:
        return Reply.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the answer"
        return Misfit(why=f"{where}: {first['msg']}"[:200])


def card(state: Waiting) -> JsonObject:
    """What a person is shown: actions with their effect, who must answer, until when."""
    request = state.request
    return {
        "action_requests": [
            {
                "name": action.change.action,
                "args": {"slot": action.slot, "target": action.change.target.key},
                "description": f"{action.id}: {action.change.action} on {action.change.target.id}",
                "change": action.change.model_dump(mode="json"),
                "why": _why(state.verdicts[action.id]),
            }
            for action in request.actions
        ],
        "review_configs": [
            {"action_name": action.change.action, "allowed_decisions": ["approve", "reject"]}
            for action in request.actions
        ],
        "run_id": state.run_id,
        "digest": request.digest,
        "needs": [need.model_dump(mode="json") for need in request.needs],
        "expires_at": request.model_dump(mode="json")["expires_at"],
    }


def _why(verdict: Verdict) -> list[str]:
    """Why it is asked; last, what a person said who refused it before."""
    return [*verdict.why, *([verdict.refused.words] if verdict.refused else [])]


def decided(reply: Reply, state: Waiting, service: Service) -> Decision:
    """The reply as a decision. Signed answers are read from the ledger, never from the reply, and only those that count."""
    request = state.request
    if reply.expired or _over(request, service):
        return Decision(kind="expired", digest=request.digest, reason=NOBODY)
    given = _kept(state, service)
    answers = [given[nonce] for nonce in reply.nonces if nonce in given]
    if reply.decisions:
        answers = [_unsigned(reply, request, service)]
        service.ledger.answer(answers[0], kept(answers[0], request, state.finding.key))
    refused = left_out(answers, request)
    rejections = [answer for answer in answers if answer.decision == "reject"]
    if rejections or not answers:
        reason = rejections[0].reason if rejections else "no valid answer"
        return Decision(kind="rejected", digest=request.digest, approvals=answers, reason=reason, refused=refused)
    service.ledger.accept(lifted(answers, state.verdicts, state.finding.key))
    return Decision(kind="answered", digest=request.digest, approvals=answers, refused=refused)


def _decides(reply: Reply, state: Waiting, service: Service) -> bool:
    """Outside the sandbox only the clock decides, or an answer that counts and that the ledger holds."""
    if service.settings.sandbox or _over(state.request, service):
        return True
    return not reply.decisions and not reply.expired and not _kept(state, service).keys().isdisjoint(reply.nonces)


def _kept(state: Waiting, service: Service) -> dict[str, Approval]:
    """The answers in the ledger that count, by nonce."""
    answers = service.ledger.answers(state.request.run_id, state.request.digest)
    return {answer.nonce: answer for answer in heard(answers, state.request, state.finding, service)}


def _over(request: Request, service: Service) -> bool:
    return service.clock() >= request.expires_at


def _unsigned(reply: Reply, request: Request, service: Service) -> Approval:
    """Decisions of an interface that cannot sign. More or fewer than were asked is a rejection of all."""
    pairs = list(zip(request.actions, reply.decisions, strict=False))
    fits = len(reply.decisions) == len(request.actions)
    approved = [action.id for action, choice in pairs if choice.type == "approve"] if fits else []
    return Approval(
        run_id=request.run_id,
        digest=request.digest,
        decision="approve" if approved else "reject",
        action_ids=approved,
        by=UNSIGNED,
        role=", ".join(service.registry.people.get(UNSIGNED, [])),
        reason=" ".join(choice.message for choice in reply.decisions if choice.message)[:300],
        at=service.clock(),
        expires_at=request.expires_at,
        nonce=service.nonce(),
    )
