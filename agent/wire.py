"""The wire: the one schema an answer has, and reading an answer back; what does not fit it is no answer."""

import json
from typing import Annotated, Any, Literal, NoReturn

from pydantic import Field, ValidationError

from agent.case import cite
from agent.catalogue import Catalogue
from agent.masking import cut, visible
from agent.plan import NONE_SLOT, SLOT_NAMES, Answer, Case, Confidence, Disposition, Proposal
from agent.record import JsonObject, Record

RATIONALE_LIMIT = 1200
"""Characters of prose that are kept."""

ANSWER_LIMIT = 64_000
"""Characters of an answer that are read at all."""


class OutOfSchema(Record):
    """Why an answer is none: the model failed, and the playbook answers."""

    reason: Literal["not_json", "too_long", "missing", "unknown_key", "not_in_schema", "too_many_proposals"]
    where: str = ""
    """A path into the answer, like `proposals[2].action`; holds no word that the model chose."""


class _Wire(Record):
    disposition: Disposition
    confidence: Confidence
    proposals: list["_WireProposal"]
    rationale: str
    cites: list[str]


class _WireProposal(Record):
    action: str
    slot: Annotated[str, Field(pattern=r"^(T(0[1-9]|1[0-6])|NONE)$")]


def answer_schema(catalogue: Catalogue) -> JsonObject:
    """The JSON Schema of an answer: enums only, the same bytes for every finding. Bedrock takes no size keywords."""
    proposal: JsonObject = {
        "type": "object",
        "properties": {
            "action": {"type": "string", "enum": [spec.id for spec in catalogue.offered]},
            "slot": {"type": "string", "enum": [*SLOT_NAMES, NONE_SLOT]},
        },
        "required": ["action", "slot"],
        "additionalProperties": False,
    }
    properties: JsonObject = {
        "disposition": {"type": "string", "enum": [each.value for each in Disposition]},
        "confidence": {"type": "string", "enum": [each.value for each in Confidence]},
        "proposals": {"type": "array", "items": proposal},
        "rationale": {"type": "string"},
        "cites": {"type": "array", "items": {"type": "string"}},
    }
    return {
        "title": "containment_answer",
        "description": "What the finding is taken to be, and which actions on which slots should contain it.",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def canonical_schema(catalogue: Catalogue) -> str:
    """The schema as the generated file holds it: sorted keys, two spaces, a trailing newline."""
    return json.dumps(answer_schema(catalogue), indent=2, sort_keys=True, ensure_ascii=True) + "\n"


def parse_answer(raw: JsonObject | str, catalogue: Catalogue, case: Case) -> Answer | OutOfSchema:
    """The answer in typed form, or why it is none. Slots are not resolved here: an empty one is refused later, by type.

    Repeated proposals count once. Citations of facts that the case does not hold are dropped; prose is cut and cleaned.
    """
    value = _decoded(raw) if isinstance(raw, str) else raw
    if isinstance(value, OutOfSchema):
        return value
    try:
        wire = _Wire.model_validate(value)
    except ValidationError as error:
        return _misfit(error)
    offered = {spec.id for spec in catalogue.offered}
    for number, proposal in enumerate(wire.proposals):
        if proposal.action not in offered:
            return OutOfSchema(reason="not_in_schema", where=f"proposals[{number}].action")
    pairs = dict.fromkeys((each.action, each.slot) for each in wire.proposals)
    if len(pairs) > len(SLOT_NAMES):
        return OutOfSchema(reason="too_many_proposals", where="proposals")
    citable = {fact.name for fact in case.facts} | {cite(fact) for fact in case.facts}
    return Answer(
        disposition=wire.disposition,
        confidence=wire.confidence,
        proposals=[Proposal(action=action, slot=slot) for action, slot in pairs],
        rationale=cut(visible(wire.rationale[:ANSWER_LIMIT].replace("\n", " ")), RATIONALE_LIMIT),
        cites=list(dict.fromkeys(each for each in wire.cites if each in citable)),
    )


def _decoded(text: str) -> object:
    if len(text) > ANSWER_LIMIT:
        return OutOfSchema(reason="too_long")
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return OutOfSchema(reason="not_json")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys stand once: two readers of a repeated key could see two answers."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _misfit(error: ValidationError) -> OutOfSchema:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    unknown = first["type"] == "extra_forbidden"
    path = first["loc"][:-1] if unknown else first["loc"]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    reason: Literal["missing", "unknown_key", "not_in_schema"] = (
        "unknown_key" if unknown else "missing" if first["type"] == "missing" else "not_in_schema"
    )
    return OutOfSchema(reason=reason, where=where)
