"""The third outcome is computed: what would have to be approved, and by whom."""

from pathlib import Path

import pytest
from policy_world import CATALOGUE, bundled_policies, facts

from agent.policy import Policies
from agent.policy.ladder import rungs
from agent.verdict import Facts, Need, Ruling

SCOPE = 'principal is Stanch::Service, action in Stanch::Action::"contain", resource'


def policies(tmp_path: Path, *texts: str) -> Policies:
    lines = [f'@id("p{index}") @why("It is a test.") {text}' for index, text in enumerate(texts)]
    (tmp_path / "a.cedar").write_text("\n".join(lines), encoding="utf-8")
    return Policies.load(tmp_path, catalogue=CATALOGUE)


def permit(condition: str) -> str:
    return f"permit ({SCOPE}) when {{ {condition} }};"


def forbid(condition: str) -> str:
    return f'forbid (principal, action in Stanch::Action::"contain", resource) when {{ {condition} }};'


COUNT = "context.approver_count"
ROLES = "context.approver_roles"
LADDERS = {
    "one person": ([f"{COUNT} >= 1"], [(1, [])]),
    "more than two people": ([f"{COUNT} > 2"], [(3, [])]),
    "a role": ([f'{ROLES}.contains("owner")'], [(1, ["owner"])]),
    "either role": ([f'{ROLES}.containsAny(["owner", "oncall"])'], [(1, ["oncall"]), (1, ["owner"])]),
    "both roles": ([f'{ROLES}.containsAll(["owner", "oncall"])'], [(1, ["oncall", "owner"])]),
    "two people or the owner": ([f'{COUNT} >= 2 || {ROLES}.contains("owner")'], [(1, ["owner"]), (2, [])]),
    "whatever is smallest of two permits": ([f"{COUNT} >= 3", f"{COUNT} >= 2"], [(2, [])]),
}


@pytest.mark.parametrize(("conditions", "needs"), LADDERS.values(), ids=LADDERS.keys())
def test_every_minimal_set_of_approvals_is_asked_for(
    tmp_path: Path, conditions: list[str], needs: list[tuple[int, list[str]]]
) -> None:
    verdict = policies(tmp_path, *(permit(condition) for condition in conditions)).judge("A1", facts())
    assert verdict.needs == [Need(count=count, roles=roles) for count, roles in needs]
    assert verdict.ruling is Ruling.ASK


@pytest.mark.parametrize(("conditions", "needs"), LADDERS.values(), ids=LADDERS.keys())
def test_exactly_what_was_asked_for_is_enough(
    tmp_path: Path, conditions: list[str], needs: list[tuple[int, list[str]]]
) -> None:
    made = policies(tmp_path, *(permit(condition) for condition in conditions))
    for count, roles in needs:
        people = [f"person{number}" for number in range(count)]
        assert made.judge("A1", facts(approvers=people, approver_roles=roles)).ruling is Ruling.ALLOW


def test_what_no_approval_lifts_is_denied_and_named(tmp_path: Path) -> None:
    made = policies(tmp_path, permit(f"{COUNT} >= 1"), forbid("context.severity > 0"))
    verdict = made.judge("A1", facts())
    assert (verdict.ruling, verdict.policies, verdict.needs) == (Ruling.DENY, ["p1"], [])


def test_a_forbid_that_contradicts_its_permit_is_a_denial(tmp_path: Path) -> None:
    made = policies(tmp_path, permit(f"{COUNT} == 1"), forbid(f"{COUNT} < 2"))
    assert made.judge("A1", facts()).ruling is Ruling.DENY


def test_approvals_that_are_there_and_forbidden_are_not_asked_for_again(tmp_path: Path) -> None:
    made = policies(tmp_path, permit(f"{COUNT} >= 1"), forbid(f'{ROLES}.contains("contractor")'))
    assert made.judge("A1", facts(approvers=["mary"])).ruling is Ruling.ALLOW
    refused = made.judge("A1", facts(approvers=["carl"], approver_roles=["contractor"]))
    assert (refused.ruling, refused.policies) == (Ruling.DENY, ["p1"])


def test_approvers_are_counted_as_people() -> None:
    shared: dict[str, object] = {"environment": "prod", "disruption": 3, "approver_roles": ["owner"]}
    assert bundled_policies().judge("A1", facts(approvers=["mary", "mary", ""], **shared)).ruling is Ruling.ASK
    assert bundled_policies().judge("A1", facts(approvers=["mary", "ali"], **shared)).ruling is Ruling.ALLOW


def test_the_ladder_climbs_from_one_person_upwards() -> None:
    ladder = rungs(bundled_policies().all)
    assert ladder[0] == Need(count=1)
    assert [(need.count, len(need.roles)) for need in ladder] == sorted((n.count, len(n.roles)) for n in ladder)
    assert Need(count=2, roles=["incident-commander", "owner"]) in ladder


def test_observe_mode_says_what_the_others_would_have_done() -> None:
    table: dict[str, tuple[dict[str, object], dict[str, Ruling]]] = {
        "it would run": ({}, {"approve": Ruling.ASK, "auto": Ruling.ALLOW}),
        "it would ask": ({"environment": "unknown"}, {"approve": Ruling.ASK, "auto": Ruling.ASK}),
        "it would be denied": ({"own_part": True}, {"approve": Ruling.DENY, "auto": Ruling.DENY}),
    }
    for name, (different, expected) in table.items():
        verdict = bundled_policies().judge("A1", facts(mode="observe", **different))
        assert (verdict.ruling, verdict.otherwise) == (Ruling.DENY, expected), name


def test_other_modes_say_nothing_about_other_modes() -> None:
    assert bundled_policies().judge("A1", facts()).otherwise == {}


def test_a_verdict_carries_the_facts_and_what_of_them_mattered() -> None:
    subject = facts("s3_block_public_access", intended_public="unknown")
    verdict = bundled_policies().judge("A7", subject)
    assert verdict.facts == subject
    assert verdict.action_id == "A7"
    assert verdict.mattered == ["approvers", "intended_public", "target_kind"]


SHADOW = '@mode("shadow") '


def shadowed(tmp_path: Path, text: str) -> Policies:
    lines = f'@id("base") @why("w") {permit("context.severity > 0")}\n@id("new") @why("w") {SHADOW}{text}'
    (tmp_path / "a.cedar").write_text(lines, encoding="utf-8")
    return Policies.load(tmp_path, catalogue=CATALOGUE)


def test_a_shadow_policy_is_recorded_and_not_enforced(tmp_path: Path) -> None:
    made = shadowed(tmp_path, forbid("context.severity >= 80"))
    over, under = made.judge("A1", facts(severity=80)), made.judge("A1", facts(severity=79))
    assert (over.ruling, over.shadow) == (Ruling.ALLOW, ["new"])
    assert (under.ruling, under.shadow) == (Ruling.ALLOW, [])


def test_a_shadow_policy_that_would_only_ask_is_recorded_too(tmp_path: Path) -> None:
    made = shadowed(tmp_path, forbid(f"{COUNT} == 0"))
    assert made.judge("A1", facts()).shadow == ["new"]


def test_a_shadow_permit_permits_nothing(tmp_path: Path) -> None:
    text = (
        f'@id("new") @why("w") {SHADOW}{permit("context.severity > 0")}@id("other") {permit("context.severity > 100")}'
    )
    (tmp_path / "a.cedar").write_text(text, encoding="utf-8")
    verdict = Policies.load(tmp_path, catalogue=CATALOGUE).judge("A1", facts())
    assert (verdict.ruling, verdict.shadow) == (Ruling.DENY, ["new"])


def test_a_shadow_policy_that_errs_does_not_change_the_ruling(tmp_path: Path) -> None:
    made = shadowed(tmp_path, forbid("context.severity + 9223372036854775807 < 0"))
    verdict = made.judge("A1", facts())
    assert (verdict.ruling, verdict.errors, verdict.shadow) == (Ruling.ALLOW, [], ["new"])


def test_the_same_facts_are_judged_the_same() -> None:
    subject = Facts.model_validate_json(facts(environment="unknown").model_dump_json())
    assert bundled_policies().judge("A1", subject) == bundled_policies().judge("A1", subject)
