"""What is said to stay open comes from what stands: a line that another action closes, and what an undo opens again."""

from pathlib import Path

import pytest
from command import command
from desk import USER, USER_WORLD, Desk, desk, event

from agent.catalogue import LeftOpen, Reversal
from agent.left_open import lines_on_a_card
from agent.report import Report, Status
from agent.verdict import Mode
from graphs.bootstrap import SANDBOX
from graphs.reverify import reverify
from graphs.undo import undo_run
from tools.action import actions

OTHER_KEYS = "The user's other keys and console password."
SESSIONS = "Sessions that the key made (GetSessionToken, GetFederationToken) go on with the user's permissions."
SECONDS = "For the seconds until IAM has spread the policy, the user may still act, and may even remove it."
AGAIN = f"Since A1 was taken back: the user {USER} can act again, with every key, session and password that works."


def contained(folder: Path) -> tuple[Desk, Report]:
    at = desk(folder, USER_WORLD, event("guardduty_credential_abuse"), Mode.APPROVE)
    report = at.say("approve", at.deliver())
    assert isinstance(report, Report)
    assert report.status is Status.CONTAINED
    return at, report


def test_what_denying_the_user_closes_is_not_said_of_the_key(tmp_path: Path) -> None:
    _, report = contained(tmp_path)
    assert SECONDS in report.leaves_open
    assert not {OTHER_KEYS, SESSIONS} & {*report.leaves_open}


def test_after_the_deny_is_taken_back_the_user_can_act_again_and_the_report_says_so(tmp_path: Path) -> None:
    (tmp_path / SANDBOX).mkdir()
    at, report = contained(tmp_path / SANDBOX)
    undone = undo_run(at.service, report.run_id, "A1", "rosa")
    assert isinstance(undone, Report)
    assert undone.leaves_open[0] == AGAIN
    assert {OTHER_KEYS, SESSIONS} < {*undone.leaves_open}
    assert SECONDS not in undone.leaves_open
    assert AGAIN in command(tmp_path, "explain", report.run_id)[1]


def test_what_lapsed_closes_nothing_any_more(tmp_path: Path) -> None:
    at, report = contained(tmp_path)
    name = report.actions[0].planned.change.params["policy_name"]
    at.sandbox.client("iam", "111122223333", "us-east-1").delete_user_policy(UserName=USER, PolicyName=name)
    (lapsed,) = reverify(at.service).lapsed
    assert lapsed.leaves_open[0] == AGAIN.replace("was taken back", "holds no more, unless something else prevents it")
    assert OTHER_KEYS in lapsed.leaves_open


def test_a_card_says_which_other_action_would_close_a_line(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event("guardduty_credential_abuse"), Mode.APPROVE)
    asked = [action.planned for action in at.deliver().actions]
    key = asked[1].change
    assert OTHER_KEYS.rstrip(".") + ", unless A1 is done too." in lines_on_a_card(key, asked, [])
    assert OTHER_KEYS in lines_on_a_card(key, asked[1:], [])
    assert not any(OTHER_KEYS[:-1] in line for line in lines_on_a_card(key, asked[1:], [asked[0].change]))


@pytest.mark.parametrize("name", actions())
def test_what_an_action_declares_to_be_closed_is_closed_by_actions_that_there_are(name: str) -> None:
    spec = actions()[name].SPEC
    named = {other for line in spec.leaves_open if isinstance(line, LeftOpen) for other in line.closed_by}
    assert named <= {*actions()} - {name}
    exact = spec.offered and spec.reversal is Reversal.EXACT
    assert bool(spec.opens_again) == exact, f"{name} must say what is open again once it is taken back"
