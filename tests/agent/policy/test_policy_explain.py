"""A verdict is explained from itself alone."""

from policy_world import bundled_policies, facts

from agent.policy import explain
from agent.verdict import Verdict


def explained(base: str = "iam_deactivate_key", **different: object) -> list[str]:
    verdict = bundled_policies().judge("A1", facts(base, **different))
    return explain(Verdict.model_validate_json(verdict.model_dump_json())).splitlines()


def test_an_ask_says_which_policy_why_from_which_facts_and_what_would_be_enough() -> None:
    assert explained("s3_block_public_access", environment="prod", disruption=3, approvers=["mary"]) == [
        "A1: s3_block_public_access on aws:111122223333:eu-west-1:bucket:example-invoices needs approval.",
        "  prod-shared-two-people: In production, everybody who shares this resource may feel it: two people, one of them "
        "its owner or the incident commander.",
        "  facts that these read:",
        "    approver_roles: none",
        "    approvers: mary",
        "    disruption: 3",
        "    environment: prod",
        "  would be enough: 2 people, with the role incident-commander among them",
        "  would be enough: 2 people, with the role owner among them",
    ]


def test_a_denial_says_what_forbids_it() -> None:
    lines = explained("iam_deny_user", break_glass="unknown")
    assert lines[0].endswith("is denied.")
    assert lines[1].startswith("  break-glass: ")
    assert lines[3:] == ["    break_glass: unknown"]


def test_a_default_denial_says_that_nothing_permits() -> None:
    lines = explained(model_proposed=False, playbook_proposed=False)
    assert lines[1:3] == ["  No policy permits this.", "  facts that would have had to be otherwise:"]
    assert "    model_proposed: no" in lines


def test_an_error_is_said() -> None:
    assert explained(target_kind="user")[1].startswith("  error: iam_deactivate_key acts on")


def test_observe_mode_says_what_the_other_modes_would_have_done() -> None:
    assert explained(mode="observe")[-2:] == ["  in approve mode it would ask.", "  in auto mode it would run."]


def test_the_way_back_is_called_undoing() -> None:
    assert explained(direction="undo")[0].startswith("A1: undoing iam_deactivate_key on ")
