"""The case file of acting: what AWS answered before a write, after it, when it was read back, and when it was undone."""

from pathlib import Path
from typing import Any, cast

from case_desk import KEY, keeping, worked
from desk import ACCOUNT, REGION, USER, event
from desk import KEY as KEY_ID
from instance_desk import WEB_WORLD

from agent.casefile import Looked, head
from agent.report import Report
from agent.verdict import Mode
from graphs.export import checked, exported
from graphs.sweep import sweep
from graphs.undo import undo_run

ACTS = ["iam:PutUserPolicy", "iam:UpdateAccessKey"]
UNDOES = ["iam:UpdateAccessKey", "iam:DeleteUserPolicy"]


def statuses(looked: list[Looked]) -> set[str]:
    """What AWS said of the key in these reads."""
    pages = [one.answer for one in looked if one.call == "iam:ListAccessKeys"]
    listed = [key for page in pages if isinstance(page, dict) for key in cast(list[Any], page["AccessKeyMetadata"])]
    return {key["Status"] for key in listed if key["AccessKeyId"] == KEY_ID}


def test_what_aws_answered_to_the_act_to_its_read_back_and_to_its_undo_is_kept_and_checked(tmp_path: Path) -> None:
    at, report = worked(tmp_path)
    chains = at.service.archive.chains(report.run_id)
    acted = [entry.looked for entry in chains["execute-0-0.1.jsonl"]]
    assert [one.call for one in acted if one.call in ACTS] == ACTS, "writes stand between the reads around them"
    seen = [entry.looked for entry in chains["verify.1.jsonl"]]
    assert statuses(seen) == {"Inactive"}
    assert statuses(acted[: [one.call for one in acted].index(ACTS[1])]) == {"Active"}
    at.wait(minutes=3)
    back = undo_run(at.service, report.run_id, None, "rosa")
    assert isinstance(back, Report)
    chain = at.service.archive.chains(report.run_id)["undo.1.jsonl"]
    taken = [entry.looked for entry in chain]
    assert {one.at for one in taken} == {at.sandbox.now()}
    assert [one.call for one in taken if one.call in UNDOES] == UNDOES
    assert statuses(taken[[one.call for one in taken].index(UNDOES[0]) + 1 :]) == {"Active"}
    ends = {source.source: source.chain for source in back.evidence}
    assert ends["undo"] == head(chain)
    packed = exported(at.service, report.run_id)
    assert packed is not None
    found = checked(packed, [KEY])
    assert (found.faults, found.entries) == ([], sum(source.calls for source in back.evidence))


def test_an_undo_that_stops_on_drift_keeps_what_it_saw_and_the_next_one_stands_beside_it(tmp_path: Path) -> None:
    at, report = worked(tmp_path)
    users = at.sandbox.client("iam", ACCOUNT, REGION)
    users.delete_access_key(UserName=USER, AccessKeyId=KEY_ID)
    for _ in range(2):
        undo_run(at.service, report.run_id, "A2", "rosa")
    chains = at.service.archive.chains(report.run_id)
    assert {"undo.1.jsonl", "undo.2.jsonl"} <= {*chains}
    assert not any(entry.looked.call == UNDOES[0] for entry in chains["undo.1.jsonl"])
    packed = exported(at.service, report.run_id)
    assert packed is not None
    assert checked(packed, [KEY]).faults == []


def test_two_runs_of_the_same_finding_keep_the_same_chains(tmp_path: Path) -> None:
    kept = []
    for name in ("one", "another"):
        (tmp_path / name).mkdir()
        at, report = worked(tmp_path / name)
        undo_run(at.service, report.run_id, None, "rosa")
        kept.append({name: head(chain) for name, chain in at.service.archive.chains(report.run_id).items()})
    assert kept[0] == kept[1]
    assert {"execute-0-0.1.jsonl", "verify.1.jsonl", "undo.1.jsonl"} <= {*kept[0]}


def test_the_reads_of_a_sweep_are_kept_with_the_run_whose_time_is_over(tmp_path: Path) -> None:
    at = keeping(tmp_path, WEB_WORLD, event("guardduty_web_attack"), Mode.APPROVE)
    report = at.say("approve", at.deliver())
    assert "execute-1-0.1.jsonl" in at.service.archive.chains(report.run_id), "after one answer, before any receipt"
    at.wait(hours=25)
    (swept,) = sweep(at.service).reports
    chain = at.service.archive.chains(report.run_id)["undo.1.jsonl"]
    assert "wafv2:UpdateIPSet" in {entry.looked.call for entry in chain}
    assert [source.chain for source in swept.evidence if source.source == "undo"] == [head(chain)]
