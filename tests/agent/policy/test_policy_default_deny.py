"""Law 1: nothing permits, a policy is unreadable, an evaluation errs, a fact is missing: no write."""

from pathlib import Path
from typing import Any

import cedarpy
import pytest
from policy_world import CATALOGUE, bundled_policies, facts
from pydantic import ValidationError

from agent.catalogue import Catalogue
from agent.policy import Policies, PolicyError
from agent.policy.request import NOT_IN_CONTEXT, entity_of, request_of
from agent.policy.source import schema_text
from agent.verdict import Facts, Need, Ruling

PERMIT = """@id("open") @why("It is a test.") @outcome("allow")
permit (principal is Stanch::Service, action in Stanch::Action::"contain", resource)
when { context.mode == Stanch::Mode::"auto" };
"""
ERRING_FORBID = """@id("overflowing") @why("It is a test.") @outcome("deny")
forbid (principal, action in Stanch::Action::"contain", resource)
when { context.severity + 9223372036854775807 < 0 };
"""
ERRING_WHEN_APPROVED = """@id("overflowing") @why("It is a test.") @outcome("ask")
forbid (principal, action in Stanch::Action::"contain", resource)
when { 9223372036854775727 + context.severity + context.approver_count < 0 };
"""


def directory(tmp_path: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (tmp_path / f"{name}.cedar").write_text(text, encoding="utf-8")
    return tmp_path


def test_the_permit_of_these_tests_permits_when_nothing_is_wrong(tmp_path: Path) -> None:
    policies = Policies.load(directory(tmp_path, a=PERMIT), catalogue=CATALOGUE)
    assert policies.judge("A1", facts()).ruling is Ruling.ALLOW


def test_where_nothing_permits_the_answer_is_no(tmp_path: Path) -> None:
    policies = Policies.load(directory(tmp_path, a=PERMIT), catalogue=CATALOGUE)
    verdict = policies.judge("A1", facts(mode="approve", approvers=["mary", "ali"]))
    assert (verdict.ruling, verdict.policies, verdict.why) == (Ruling.DENY, [], ["No policy permits this."])
    assert verdict.mattered == ["mode"]


BAD = {
    "not Cedar": ("permit (", "a.cedar: not Cedar"),
    "a misspelt fact": (PERMIT.replace("context.mode", "context.mod"), "a.cedar [open]"),
    "a misspelt value": (PERMIT.replace('"auto"', '"atuo"'), "a.cedar [open]"),
    "an action that nobody has": (PERMIT.replace('"contain"', '"iam_delete_user"'), "a.cedar [open]"),
    "no id": (PERMIT.replace('@id("open")', ""), "a.cedar [policy0]: a policy has no @id"),
    "an id twice": (PERMIT + PERMIT, "a.cedar [open]: another policy has this @id"),
    "a template": (PERMIT.replace("resource)", "resource == ?resource)"), "a.cedar: templates are not supported"),
    "more people than can be asked": (
        PERMIT.replace("when {", "when { context.approver_count >= 9 &&"),
        "a.cedar [open]: asks for 9 people",
    ),
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_a_policy_that_cannot_be_used_is_named_when_loading_and_denies_when_judging(
    tmp_path: Path, text: tuple[str, str]
) -> None:
    bad, message = text
    place = directory(tmp_path, a=bad, b=PERMIT.replace("open", "other"))
    with pytest.raises(PolicyError) as caught:
        Policies.load(place, catalogue=CATALOGUE)
    assert str(caught.value).startswith(message)

    verdict = Policies.load_or_deny(place, catalogue=CATALOGUE).judge("A1", facts())
    assert verdict.ruling is Ruling.DENY
    assert verdict.errors == [str(caught.value)]
    assert verdict.needs == []


def test_more_roles_than_can_be_tried_are_refused_rather_than_left_out(tmp_path: Path) -> None:
    roles = ", ".join(f'"role{number}"' for number in range(7))
    text = PERMIT.replace("when {", f"when {{ context.approver_roles.containsAny([{roles}]) &&")
    with pytest.raises(PolicyError, match="7 approver roles"):
        Policies.load(directory(tmp_path, a=text), catalogue=CATALOGUE)


def test_a_directory_that_is_not_there_denies(tmp_path: Path) -> None:
    policies = Policies.load_or_deny(tmp_path / "nowhere", catalogue=CATALOGUE)
    assert policies.judge("A1", facts()).ruling is Ruling.DENY
    assert policies.judge("A1", facts()).errors


def test_a_directory_without_policies_denies(tmp_path: Path) -> None:
    policies = Policies.load_or_deny(tmp_path, catalogue=CATALOGUE)
    assert policies.judge("A1", facts()).errors == [f"{tmp_path}: holds no .cedar file"]


def test_a_file_that_is_not_text_denies(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_bytes(b"\xff\xfe\x00")
    verdict = Policies.load_or_deny(tmp_path, catalogue=CATALOGUE).judge("A1", facts())
    assert verdict.ruling is Ruling.DENY
    assert "not UTF-8 at byte 0" in verdict.errors[0]


def test_a_forbid_that_errs_denies_although_cedar_would_skip_it(tmp_path: Path) -> None:
    place = directory(tmp_path, a=PERMIT, b=ERRING_FORBID)
    policies = Policies.load(place, catalogue=CATALOGUE)
    raw = cedarpy.is_authorized(
        request_of(facts(), Need(count=0)), PERMIT + ERRING_FORBID, [entity_of(facts())], schema_text(CATALOGUE)
    )
    assert raw.allowed, "Cedar itself says yes: this is what the engine must not pass on"

    verdict = policies.judge("A1", facts())
    assert (verdict.ruling, verdict.needs) == (Ruling.DENY, [])
    assert "overflow" in verdict.errors[0]


def test_a_policy_that_errs_only_under_a_hypothetical_approval_denies_instead_of_asking(tmp_path: Path) -> None:
    approved = PERMIT.replace("when {", "when { context.approver_count >= 1 &&")
    policies = Policies.load(directory(tmp_path, a=approved, b=ERRING_WHEN_APPROVED), catalogue=CATALOGUE)
    verdict = policies.judge("A1", facts())
    assert (verdict.ruling, verdict.needs) == (Ruling.DENY, [])
    assert "overflow" in verdict.errors[0]


@pytest.mark.parametrize("name", sorted(set(Facts.model_fields) - {"direction", "approvers", "approver_roles"}))
def test_facts_cannot_be_made_without_one_of_them(name: str) -> None:
    with pytest.raises(ValidationError):
        Facts.model_validate(facts().model_dump(exclude={name}))


def _asked(request: Any, entities: Any) -> str:
    policies = bundled_policies()
    texts = "\n".join(str(policies.enforced._handle).splitlines())
    answer = cedarpy.is_authorized(request, texts, entities, schema_text(CATALOGUE))
    return answer.decision.value


CONTEXT = set(Facts.model_fields) - NOT_IN_CONTEXT | {"approver_count", "approver_roles"}


@pytest.mark.parametrize("name", sorted(CONTEXT))
def test_cedar_refuses_a_request_that_lacks_a_fact(name: str) -> None:
    request: dict[str, Any] = request_of(facts(), Need(count=0))
    assert _asked(request, [entity_of(facts())]) == "Allow"
    del request["context"][name]
    assert _asked(request, [entity_of(facts())]) == "NoDecision"


def test_cedar_refuses_a_target_without_a_kind() -> None:
    entity: dict[str, Any] = entity_of(facts())
    entity["attrs"] = {}
    assert _asked(request_of(facts(), Need(count=0)), [entity]) == "NoDecision"


MALFORMED = {
    "an action that is not in the catalogue": {"action": "iam_delete_user"},
    "a target of another kind": {"target_kind": "user"},
    "a disposition that is none": {"disposition": "sure"},
    "a reversal that is none": {"reversal": "none"},
    "a kind that is none": {"target_kind": "planet"},
}


@pytest.mark.parametrize("different", MALFORMED.values(), ids=MALFORMED.keys())
def test_facts_that_make_no_sense_are_denied_with_an_error(different: dict[str, str]) -> None:
    verdict = bundled_policies().judge("A1", facts(**different))
    assert verdict.ruling is Ruling.DENY
    assert len(verdict.errors) == 1


def test_a_catalogue_without_the_action_denies_it() -> None:
    fewer = Catalogue.of([spec for spec in CATALOGUE.actions if spec.id != "iam_deactivate_key"])
    verdict = Policies.load(catalogue=fewer).judge("A1", facts())
    assert verdict.errors == ["the catalogue has no action iam_deactivate_key"]


@pytest.mark.parametrize(
    "key",
    ['a"b', "a\nb", "\u202egnp", '" || true', 'x"); permit(principal, action, resource); //', ""],
)
def test_what_a_target_is_called_is_data_and_decides_nothing(key: str) -> None:
    assert bundled_policies().judge("A1", facts(target_key=key)).ruling is Ruling.ALLOW
    assert bundled_policies().judge("A1", facts(target_key=key, protected="yes")).ruling is Ruling.DENY
