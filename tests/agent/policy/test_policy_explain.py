"""A verdict is explained from itself alone."""

from policy_world import bundled_policies, facts

from agent.policy import explain
from agent.verdict import Verdict


def explained(base: str = "iam_deactivate_key", **different: object) -> list[str]:
    verdict = bundled_policies().judge("A1", facts(base, **different))
    return explain(Verdict.model_validate_json(verdict.model_dump_json())).splitlines()


def test_an_ask_says_which_policy_why_from_which_facts_and_what_would_be_enough() -> None:
    assert explained("s3_block_public_access", environment="prod", disruption=3, approvers=["mary"]) == [
        "A1: s3_block_public_access on bucket example-invoices in 111122223333 eu-west-1 needs approval.",
        "  prod-shared-two-people: In production, everybody who shares this resource may feel it: two people, one of them "
        "its owner or the incident commander.",
        "  facts that these read:",
        "    approver_roles: none",
        "    approvers: mary",
        "    disruption: 3",
        "    environment: prod",
        "  would be enough: 2 people, one of them as incident-commander",
        "  would be enough: 2 people, one of them as owner",
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


def test_observe_mode_says_what_the_other_modes_would_have_done_and_by_what() -> None:
    assert explained(mode="observe")[-2:] == [
        "  in approve mode would ask (mode approve)",
        "  in auto mode would run it (auto-contain)",
    ]
    assert explained(mode="observe", environment="unknown", confidence=1)[-2:] == [
        "  in approve mode would ask (unknown-environment, mode approve)",
        "  in auto mode would ask (unknown-environment, confidence medium)",
    ]
    assert explained(mode="observe", own_part=True)[-1] == "  in auto mode would deny it (own-part)"


def test_an_ask_of_approve_mode_says_so_and_never_that_somebody_approved() -> None:
    lines = explained(mode="approve")
    assert lines[1:3] == [
        "  In approve mode only a person's approval permits this.",
        "  approved-contain: would permit it then",
    ]
    assert not [line for line in lines if "A person approved" in line]


def test_an_ask_of_auto_mode_names_the_facts_that_keep_it_from_running_alone() -> None:
    assert explained(confidence=1, severity=40)[1] == (
        "  In auto mode only a person's approval permits this: confidence medium, severity 40."
    )
    assert (
        explained(model_proposed=False)[1]
        == "  In auto mode only a person's approval permits this: model proposed: no."
    )


def test_an_ask_by_a_policy_names_it_and_then_what_else_would_ask() -> None:
    lines = explained(environment="unknown", mode="approve")
    assert lines[1:3] == [
        "  unknown-environment: Nobody has said whether this account is production.",
        "  In approve mode only a person's approval permits this.",
    ]
    assert explained(environment="unknown")[2] == "  facts that these read:", "auto mode would have run it"


def test_the_way_back_is_called_undoing() -> None:
    assert explained(direction="undo")[0].startswith("A1: undoing iam_deactivate_key on ")
