"""What the commands say to people: why it asks, what else waits, what another mode would do, and what an undo did."""

import json
import re
from pathlib import Path

import pytest

from tests.processes.spawning import EVENTS, stanch

ROOT = Path(__file__).parents[2]
MACIE = EVENTS / "macie_policy.json"
CASE = "evals/cases/key-used-to-destroy-contained"


def another(folder: Path) -> Path:
    """A second finding of Macie about the same bucket."""
    text = MACIE.read_text(encoding="utf-8").replace("0f1e2d3c4b5a6978", "1f1e2d3c4b5a6978")
    path = folder / "another.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_card_says_why_it_asks_and_what_else_waits_on_the_same_target(tmp_path: Path) -> None:
    """Each finding is a case of its own here: within one case the newest card would take the other's place."""
    how, alone = ("--sandbox", "--mode", "approve", "--json"), {"STANCH_CASE_MINUTES": "0"}
    one, other, key = (
        stanch(tmp_path, "run", str(path), *how, env=alone)
        for path in (MACIE, another(tmp_path), EVENTS / "guardduty_credential_abuse.json")
    )
    first, second = one.report["run_id"], other.report["run_id"]
    card = stanch(tmp_path, "approvals", "show", first).out
    told = " ".join(card.split())
    assert "asked as In approve mode only a person's approval permits this." in told
    assert "A person approved" not in told
    assert "Also waiting about the same target" in told
    assert second in told
    assert key.report["run_id"] not in told
    listed = stanch(tmp_path, "approvals", "list").out
    for said in (first, second, "Policy:IAMUser/S3BucketPublic, severity 70", "on bucket example-ledger-exports"):
        assert said in listed
    assert max(len(line) for text in (card, listed) for line in text.splitlines()) <= 80


def test_observe_says_what_the_other_modes_would_do_with_each_action_and_by_what(tmp_path: Path) -> None:
    told = stanch(tmp_path, "run", str(EVENTS / "guardduty_credential_abuse.json"), "--sandbox").out
    said = " ".join(told.split())
    assert said.count("approve mode would ask (mode approve)") == 2
    assert said.count("auto mode would ask (confidence medium)") == 2


def test_the_readme_s_commands_work_one_after_the_other(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## One finding, by hand")[2].partition("\n## ")[0]
    commands = [line[4:].split("#")[0].split() for line in section.splitlines() if line.startswith("    stanch ")]
    assert len(commands) > 8
    run = ""
    for _, *words in commands:
        filled = [
            str(ROOT / word.replace("$CASE", CASE)) if "/" in word else word.replace("RUN", run) for word in words
        ]
        ended = stanch(tmp_path, *filled)
        assert ended.code == 0, (words, ended.err)
        found = re.search(r"\b[a-z]{3}-[0-9a-f]{12}\b", ended.out)
        run = found[0] if found else run
        last = ended.out
        if words[0] == "run" and "auto" in words:
            assert "judged     true positive, confidence high: " in ended.out
        if words[:2] == ["approvals", "show"]:
            assert "never used" not in ended.out
        if words == ["standing"]:
            assert "stands     iam_deny_user on user tide-lab in 111122223333, since 20" in ended.out
            assert "aws:" not in ended.out
        assert max(map(len, ended.out.splitlines()), default=0) <= 80, words
    assert "undone" in last
    explained = stanch(tmp_path, "explain", run).out
    assert "\nundo       A2 iam_deactivate_key: undone" in explained
    assert "undo-approved: A person approved taking exactly this change back." in " ".join(explained.split())


def test_iam_prints_the_policy_of_one_action_in_one_phase(tmp_path: Path) -> None:
    ended = stanch(tmp_path, "iam", "--action", "iam_deactivate_key", "--phase", "execute")
    made = json.loads(ended.out)
    assert made["Version"] == "2012-10-17"
    (statement,) = made["Statement"]
    assert statement["Resource"] == "arn:{partition}:iam::{account}:user/*"
    assert "iam:UpdateAccessKey" in statement["Action"]
    reading = stanch(tmp_path, "iam", "--action", "iam_deactivate_key", "--phase", "plan").out
    assert "UpdateAccessKey" not in reading
    model = json.loads(stanch(tmp_path, "iam", "--phase", "model").out)
    assert [one["Action"] for one in model["Statement"]] == [["bedrock:InvokeModel"]]


@pytest.mark.parametrize("action", ["iam_delete_everything", "../etc"])
def test_iam_names_an_action_that_there_is_not(tmp_path: Path, action: str) -> None:
    ended = stanch(tmp_path, "iam", "--action", action)
    assert (ended.code, ended.out) == (2, "")
    assert "stanch catalogue" in ended.err


def test_a_share_has_its_unit_and_listings_keep_their_indentation_within_80_columns(tmp_path: Path) -> None:
    case = ROOT / CASE
    words = ["run", str(case / "event.json"), "--sandbox", "--world", str(case / "world.yaml"), "--json"]
    run = stanch(tmp_path, *words).report["run_id"]
    assert re.search(r"key\.denied_share of \S+ = \d+ %", " ".join(stanch(tmp_path, "explain", run).out.split()))
    for told in (stanch(tmp_path, "policy", "explain", run).out, stanch(tmp_path, "catalogue").out):
        assert max(map(len, told.splitlines())) <= 80
    starts = [line for line in stanch(tmp_path, "catalogue").out.splitlines() if not line.startswith("  ")]
    assert all(re.match(r"[a-z0-9]+_\w+  ", line) for line in starts)
