"""The command line as its users meet it: one process a command, state under the home, words that fit 80 columns."""

import json
from pathlib import Path

import pytest

from tests.processes.spawning import EVENTS, HERE, stanch, writes

KEY_EVENT = str(EVENTS / "guardduty_credential_abuse_asff.json")
KEY_RUN = ["run", KEY_EVENT, "--sandbox", "--world", str(HERE / "world_key.yaml"), "--mode", "approve"]

BAD = {
    "not JSON": ("{not json", "not JSON at line 1, column 2"),
    "nothing": (" \n", "event.json: empty"),
    "no findings": ("[]", "no findings"),
    "not a finding": ("{}", "not an event or a finding"),
    "a wrong type": (
        '{"source":"aws.guardduty","detail-type":"GuardDuty Finding","detail":{"type":5}}',
        "detail.type: expected a string, found a number",
    ),
    "a number that JSON does not have": ('{"a": NaN}', "not JSON"),
    "no finding": (
        '{"source":"aws.securityhub","detail-type":"Security Hub Findings - Imported","detail":{}}',
        "findings",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_in_one_line_that_says_what_and_where_and_is_kept(name: str, tmp_path: Path) -> None:
    text, said = BAD[name]
    (tmp_path / "event.json").write_text(text, encoding="utf-8")
    ended = stanch(tmp_path, "run", str(tmp_path / "event.json"), "--sandbox")
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1
    assert said in ended.err
    (kept,) = (tmp_path / "home" / "refused").iterdir()
    assert kept.read_text(encoding="utf-8") == text
    assert str(kept) in ended.err


def test_a_resource_of_another_account_is_refused(tmp_path: Path) -> None:
    body = json.loads(Path(KEY_EVENT).read_text(encoding="utf-8"))
    finding = body["detail"]["findings"][0]
    finding["Resources"] = [
        {"Type": "AwsIamUser", "Id": "arn:aws:iam::444455556666:user/build-bot", "Region": "eu-west-1"}
    ]
    (tmp_path / "event.json").write_text(json.dumps(body), encoding="utf-8")
    ended = stanch(tmp_path, "run", str(tmp_path / "event.json"), "--sandbox", "--mode", "auto")
    assert ended.code == 2
    assert "Resources[0].Id" in ended.err
    assert not writes(tmp_path)


def test_a_run_stops_for_approval_and_other_processes_show_approve_explain_and_undo_it(tmp_path: Path) -> None:
    asked = stanch(tmp_path, *KEY_RUN)
    assert asked.code == 0
    assert "awaiting approval" in asked.out
    listed = stanch(tmp_path, "approvals", "list")
    run = listed.out.split()[0]
    shown = stanch(tmp_path, "approvals", "show", run)
    assert "before" in shown.out
    assert "StanchDenyAll" in shown.out
    assert not writes(tmp_path)
    approved = stanch(tmp_path, "approvals", "approve", run, "--by", "dana")
    assert (approved.code, approved.out.splitlines()[0].split()) == (0, [run, "contained", "in", "the", "sandbox"])
    assert stanch(tmp_path, "approvals", "list").out.strip() == "Nothing waits."
    explained = stanch(tmp_path, "explain", run).out
    for word in ("event", "finding", "evidence", "plan", "verdict", "receipt"):
        assert f"\n{word} " in explained
    assert "approvers: dana" in stanch(tmp_path, "policy", "explain", run).out
    assert run in stanch(tmp_path, "standing").out
    undone = stanch(tmp_path, "undo", run, "--by", "dana", "--json")
    assert undone.report["status"] == "undone"
    assert stanch(tmp_path, "standing").out.strip() == "Nothing stands."
    for ended in (asked, listed, shown, approved):
        assert max(map(len, ended.out.splitlines())) <= 80


def test_requests_about_one_control_are_one_card_that_is_shown_and_approved_at_once(tmp_path: Path) -> None:
    world = (HERE / "world_bucket.yaml").read_text(encoding="utf-8").replace("website: true, ", "")
    (tmp_path / "world.yaml").write_text(world, encoding="utf-8")
    body = json.loads((EVENTS / "securityhub_s3_public.json").read_text(encoding="utf-8"))
    runs = []
    for bucket in ("example-ledger-exports", "example-public-site"):
        text = json.dumps(body).replace("example-ledger-exports", bucket)
        text = text.replace(body["detail"]["findings"][0]["Id"], f"{body['detail']['findings'][0]['Id']}-{bucket}")
        (tmp_path / "event.json").write_text(text, encoding="utf-8")
        how = ("--sandbox", "--world", str(tmp_path / "world.yaml"), "--mode", "approve", "--json")
        runs.append(stanch(tmp_path, "run", str(tmp_path / "event.json"), *how).report["run_id"])
    listed = stanch(tmp_path, "approvals", "list").out
    card = next(word for word in listed.split() if word.startswith("card-"))
    assert "S3.8, owner 111122223333: 2 runs, answered together" in " ".join(listed.split())
    shown = stanch(tmp_path, "approvals", "show", card).out
    assert all(run in shown for run in runs)
    assert shown.count("digest") == 2
    assert max(map(len, [*listed.splitlines(), *shown.splitlines()])) <= 80
    approved = stanch(tmp_path, "approvals", "approve", card, "--by", "dana", "--json")
    assert approved.code == 0, approved.err
    assert {report["run_id"]: report["status"] for report in json.loads(approved.out)} == dict.fromkeys(
        runs, "contained"
    )
    gone = stanch(tmp_path, "approvals", "approve", card)
    assert (gone.code, gone.err.partition(":")[0]) == (2, f"no card '{card}'")
    assert stanch(tmp_path, "approvals", "list").out.strip() == "Nothing waits."


def test_a_rejection_from_another_process_ends_the_run_with_the_reason(tmp_path: Path) -> None:
    stanch(tmp_path, *KEY_RUN)
    run = stanch(tmp_path, "approvals", "list").out.split()[0]
    rejected = stanch(tmp_path, "approvals", "reject", run, "--by", "dana", "--reason", "it is our pen test", "--json")
    assert (rejected.report["status"], rejected.report["reason"]) == (
        "rejected",
        "rejected by dana: it is our pen test",
    )
    again = stanch(tmp_path, *KEY_RUN[:-1], "auto", "--again", "--by", "dana", "--json")
    assert (again.code, again.report["status"], again.report["asked_by"]) == (0, "awaiting_approval", "dana")
    assert "dana refused this on" in stanch(tmp_path, "approvals", "show", again.report["run_id"]).out
    assert set(writes(tmp_path)) == {"securityhub:BatchUpdateFindings"}


def test_an_approval_may_drop_an_action_and_name_none_that_was_not_asked(tmp_path: Path) -> None:
    stanch(tmp_path, *KEY_RUN)
    run = stanch(tmp_path, "approvals", "list").out.split()[0]
    wider = stanch(tmp_path, "approvals", "approve", run, "--only", "A1", "--only", "A9")
    assert (wider.code, wider.err.strip()) == (2, "wider than asked: not among the asked actions: A9")
    fewer = stanch(tmp_path, "approvals", "edit", run, "--drop", "A1", "--by", "dana", "--json")
    assert (fewer.code, fewer.report["status"]) == (0, "partially_contained")
    assert "not approved" in fewer.report["reason"]
    assert writes(tmp_path).count("iam:PutUserPolicy") == 0
    assert writes(tmp_path).count("iam:UpdateAccessKey") == 1


def test_json_is_one_array_of_reports_and_nothing_else_on_standard_output(tmp_path: Path) -> None:
    ended = stanch(tmp_path, *KEY_RUN, "--json")
    (report,) = json.loads(ended.out)
    assert report["run_id"].startswith("sbx-")
    assert ended.err == ""


def test_the_default_mode_observes_and_writes_nothing(tmp_path: Path) -> None:
    ended = stanch(tmp_path, *KEY_RUN[:-2], "--json")
    assert ended.report["status"] == "proposed"
    assert not writes(tmp_path)


def test_a_second_event_is_worked_in_the_same_sandbox(tmp_path: Path) -> None:
    stanch(tmp_path, *KEY_RUN)
    second = stanch(
        tmp_path, "run", str(EVENTS / "securityhub_s3_public.json"), "--sandbox", "--mode", "approve", "--json"
    )
    assert second.report["status"] == "awaiting_approval"


def test_a_file_that_is_no_world_is_named_with_the_place_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "world.yaml").write_text("now: yesterday\n", encoding="utf-8")
    ended = stanch(tmp_path, "run", KEY_EVENT, "--sandbox", "--world", str(tmp_path / "world.yaml"))
    assert ended.code == 2
    assert ended.err.startswith(f"{tmp_path / 'world.yaml'}: now: ")
