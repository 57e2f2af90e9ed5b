"""An answer fits the one schema, or it is none."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import KEY, USER, about, case, evidence, finding

from agent.catalogue import Catalogue
from agent.finding import Situation
from agent.plan import Answer, Proposal
from agent.wire import RATIONALE_LIMIT, OutOfSchema, answer_schema, canonical_schema, parse_answer
from tools.action import catalogue

CASE = case(finding(Situation.CREDENTIAL_ABUSE, KEY, USER), evidence(about({"key.calls": 1})))
DENY = {"action": "iam_deny_user", "slot": "T02"}
GOOD: dict[str, Any] = {
    "disposition": "true_positive",
    "confidence": "high",
    "proposals": [DENY],
    "rationale": "Used from «IP1.5f2a public».",
    "cites": ["key.calls@T01"],
}

KEYWORDS = {"type", "properties", "required", "additionalProperties", "enum", "items", "title", "description"}


def keywords(schema: object) -> set[str]:
    if not isinstance(schema, dict):
        return set()
    inner = [*schema.get("properties", {}).values(), schema.get("items")]
    return set(schema).union(*[keywords(each) for each in inner])


def test_the_schema_uses_only_keywords_that_bedrock_compiles() -> None:
    assert keywords(answer_schema(catalogue())) <= KEYWORDS


def test_the_schema_has_the_same_bytes_for_the_same_actions() -> None:
    again = Catalogue.of(list(reversed(catalogue().actions)))
    assert canonical_schema(again) == canonical_schema(catalogue())
    assert json.loads(canonical_schema(catalogue())) == answer_schema(catalogue())


def test_the_schema_offers_sixteen_slots_none_and_no_action_that_is_ours_alone() -> None:
    proposal: Any = answer_schema(catalogue())
    fields = proposal["properties"]["proposals"]["items"]["properties"]
    assert fields["slot"]["enum"] == [*(f"T{n:02d}" for n in range(1, 17)), "NONE"]
    assert fields["action"]["enum"] == [spec.id for spec in catalogue().offered]
    assert "securityhub_update_finding" not in fields["action"]["enum"]


@pytest.mark.parametrize("raw", [GOOD, json.dumps(GOOD)])
def test_an_answer_is_read_from_an_object_or_its_text(raw: dict[str, Any] | str) -> None:
    answer = parse_answer(raw, catalogue(), CASE)
    assert isinstance(answer, Answer)
    assert answer.model_dump(mode="json") == GOOD


BAD = [
    ("", "not_json", ""),
    ("Here is my answer: {}", "not_json", ""),
    ("```json\n" + json.dumps(GOOD) + "\n```", "not_json", ""),
    ('{"confidence":"low",' + json.dumps(GOOD)[1:], "not_json", ""),
    ("NaN", "not_json", ""),
    ("[" * 60_000, "not_json", ""),
    ("1" * 5_000, "not_json", ""),
    ("x" * 70_000, "too_long", ""),
    ("[]", "not_in_schema", ""),
    ("null", "not_in_schema", ""),
    ({k: v for k, v in GOOD.items() if k != "cites"}, "missing", "cites"),
    (GOOD | {"resource": "arn:aws:iam::111122223333:user/root"}, "unknown_key", ""),
    (GOOD | {"disposition": "TRUE_POSITIVE"}, "not_in_schema", "disposition"),
    (GOOD | {"confidence": 2}, "not_in_schema", "confidence"),
    (GOOD | {"proposals": DENY}, "not_in_schema", "proposals"),
    (GOOD | {"proposals": [DENY, DENY | {"slot": "T17"}]}, "not_in_schema", "proposals[1].slot"),
    (GOOD | {"proposals": [DENY | {"slot": "T01\n"}]}, "not_in_schema", "proposals[0].slot"),
    (GOOD | {"proposals": [DENY | {"slot": "ci-deployer"}]}, "not_in_schema", "proposals[0].slot"),
    (GOOD | {"proposals": [DENY | {"action": "iam_delete_user"}]}, "not_in_schema", "proposals[0].action"),
    (GOOD | {"proposals": [DENY | {"action": "securityhub_update_finding"}]}, "not_in_schema", "proposals[0].action"),
    (GOOD | {"proposals": [DENY | {"params": {"user": "root"}}]}, "unknown_key", "proposals[0]"),
    (GOOD | {"rationale": None}, "not_in_schema", "rationale"),
    (GOOD | {"cites": [1]}, "not_in_schema", "cites[0]"),
    (
        GOOD | {"proposals": [{"action": spec.id, "slot": f"T{n:02d}"} for spec in catalogue().offered for n in range(1, 10)]},
        "too_many_proposals",
        "proposals",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "reason", "where"), BAD)
def test_an_answer_outside_the_schema_is_none_and_says_where(raw: Any, reason: str, where: str) -> None:
    assert parse_answer(raw, catalogue(), CASE) == OutOfSchema.model_validate({"reason": reason, "where": where})


def test_an_empty_slot_is_kept_to_be_refused_by_type_and_a_repeated_proposal_counts_once() -> None:
    empty = [DENY | {"slot": "T16"}, DENY | {"slot": "NONE"}]
    answer = parse_answer(GOOD | {"proposals": [DENY, *empty, DENY]}, catalogue(), CASE)
    assert isinstance(answer, Answer)
    assert answer.proposals == [Proposal(action="iam_deny_user", slot=slot) for slot in ("T02", "T16", "NONE")]


def test_citations_of_what_the_case_does_not_hold_are_dropped() -> None:
    answer = parse_answer(
        GOOD | {"cites": ["key.calls", "key.calls@T01", "key.calls@T02", "made.up"]}, catalogue(), CASE
    )
    assert isinstance(answer, Answer)
    assert answer.cites == ["key.calls", "key.calls@T01"]


def test_prose_is_cut_and_holds_no_control_characters() -> None:
    answer = parse_answer(GOOD | {"rationale": "a\x1b[31m\u202eb\n" + "c" * 5000}, catalogue(), CASE)
    assert isinstance(answer, Answer)
    assert answer.rationale.startswith(r"a\u{1b}[31m\u{202e}b c")
    assert len(answer.rationale) == RATIONALE_LIMIT
    assert answer.rationale.isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
MAYBE = st.fixed_dictionaries(
    {},
    optional={
        "disposition": st.sampled_from(["true_positive", "benign", "uncertain"]) | JSON,
        "confidence": st.sampled_from(["low", "medium", "high"]) | JSON,
        "proposals": st.lists(
            st.fixed_dictionaries({"action": st.sampled_from(["iam_deny_user", "x"]), "slot": st.sampled_from(["T01", "NONE", "T0"])}),
            max_size=3,
        )
        | JSON,
        "rationale": st.text(max_size=50) | JSON,
        "cites": st.lists(st.text(max_size=10), max_size=3) | JSON,
        "more": JSON,
    },
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(JSON | MAYBE)
def test_any_json_is_an_answer_exactly_if_the_schema_says_so(value: Any) -> None:
    parsed = parse_answer(value, catalogue(), CASE)
    fits = jsonschema.Draft202012Validator(answer_schema(catalogue())).is_valid(value)
    assert isinstance(parsed, Answer) == fits
