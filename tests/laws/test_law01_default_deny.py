"""Law 1: default deny. Nothing permits, policy is unreadable or errs, a fact is missing: no write."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from desk import ACCOUNT, BUCKET_WORLD, USER_WORLD, Desk, desk, event, world

from agent.policy import Policies
from agent.policy.source import bundled, texts
from agent.report import Report, Status
from agent.verdict import Mode, Ruling
from graphs.runs import Runs
from tools.action import catalogue

WORLDS = {"user": (USER_WORLD, "guardduty_credential_abuse_asff"), "bucket": (BUCKET_WORLD, "securityhub_s3_public")}


def without(unwanted: str) -> dict[str, str]:
    return {file: text for file, text in texts(bundled()).items() if file != unwanted}


UNDO_ALONE = '@id("a")\n@why("b")\n@outcome("allow")\npermit (principal is Stanch::Service, action in Stanch::Action::"undo", resource);'
# the policy files, and how each of them comes to deny
POLICIES: dict[str, Callable[[], dict[str, str]]] = {
    "nothing permits": lambda: {**without("permit.cedar"), "own.cedar": UNDO_ALONE},
    "no policy is a permit": lambda: without("permit.cedar"),
    "there are no policies": dict,
    "a file is no Cedar": lambda: {**texts(bundled()), "own.cedar": "permit (everything);"},
    "a policy reads a fact that there is not": lambda: {
        **texts(bundled()),
        "own.cedar": '@id("a")\n@why("b")\n@outcome("allow")\npermit (principal, action, resource) when { context.ok };',
    },
    "a file is not text": lambda: {**texts(bundled()), "own.cedar": "\udcff"},
}


def under(folder: Path, files: dict[str, str], situation: str, mode: Mode) -> tuple[Desk, Report]:
    """The situation worked under these policies."""
    (folder / "policies").mkdir()
    for file, text in files.items():
        (folder / "policies" / file).write_bytes(text.encode("utf-8", "surrogateescape"))
    text, name = WORLDS[situation]
    at = desk(folder, text, event(name), mode)
    service = replace(at.service, policies=Policies.load_or_deny(folder / "policies", catalogue=catalogue()))
    at.service, at.runs = service, Runs(service, at.saver)  # type: ignore[arg-type]  # a desk has one
    return at, at.deliver()


@pytest.mark.parametrize("situation", WORLDS)
@pytest.mark.parametrize("mode", [Mode.APPROVE, Mode.AUTO])
@pytest.mark.parametrize("broken", POLICIES)
def test_under_policies_that_cannot_permit_nothing_is_written(
    tmp_path: Path, broken: str, mode: Mode, situation: str
) -> None:
    at, report = under(tmp_path, POLICIES[broken](), situation, mode)
    assert {a.verdict and a.verdict.ruling for a in report.actions} == {Ruling.DENY}
    ordinary = broken == "nothing permits"
    assert (report.status, at.writes) == (Status.DENIED if ordinary else Status.FAILED, [])
    assert ordinary or report.reason.startswith("policy could not decide, so nothing is permitted: ")
    assert report.told is not None
    assert report.told.outcome == "not_allowed"


def test_a_finding_that_unreadable_policies_denied_is_worked_again_once_they_are_mended(tmp_path: Path) -> None:
    at, report = under(tmp_path, {}, "user", Mode.AUTO)
    assert report.status is Status.FAILED
    assert at.saver is not None
    at.runs = Runs(replace(at.service, policies=Policies.load(catalogue=catalogue())), at.saver)
    again = at.deliver()
    assert (again.run_id != report.run_id, again.status) == (True, Status.CONTAINED)


# what is missing, and the policy that then denies
MISSING: list[tuple[str, list[tuple[str, Any]], str]] = [
    ("what kind of account it is", [("registry.accounts", {ACCOUNT: {"environment": "dev", "role": "tooling"}})],
     "account-role"),
    ("the target, which nobody found", [("iam.users", []), ("s3.buckets", [])], ""),
]  # fmt: skip


@pytest.mark.parametrize("situation", WORLDS)
@pytest.mark.parametrize(("what", "changes", "policy"), MISSING, ids=[row[0] for row in MISSING])
def test_without_a_fact_that_must_be_known_nothing_is_written(
    tmp_path: Path, what: str, changes: list[Any], policy: str, situation: str
) -> None:
    text, name = WORLDS[situation]
    kept = [
        change for change in changes if change[0].split(".")[0] in ("registry", "iam" if situation == "user" else "s3")
    ]
    at = desk(tmp_path, world(text, *kept), event(name))
    report = at.deliver()
    assert at.changes == [], what
    assert [a for a in report.actions if a.receipt] == []
    assert not policy or {p for a in report.actions if a.verdict for p in a.verdict.policies} >= {policy}


def test_a_model_that_contradicts_the_playbook_gets_no_default_permission(tmp_path: Path) -> None:
    at = desk(tmp_path, world(USER_WORLD, ("cloudtrail.events", [])), event(WORLDS["user"][1]))
    report = at.deliver()
    assert (report.status, at.writes) == (Status.AWAITING_APPROVAL, [])
