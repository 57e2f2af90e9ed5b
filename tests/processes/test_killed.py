"""Killed after any AWS call and started again, a run ends contained and writes nothing twice."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.processes.spawning import EVENTS, HERE, Ended, stanch, writes

SITUATIONS = {
    "key": (EVENTS / "guardduty_credential_abuse_asff.json", HERE / "world_key.yaml"),
    "bucket": (EVENTS / "securityhub_s3_public.json", HERE / "world_bucket.yaml"),
    "instance": (EVENTS / "guardduty_c2_asff.json", HERE / "world_instance.yaml"),
    "data": (HERE / "event_sensitive_data.json", None),
}
"""Events with their worlds; without one, the world is made from the finding, and what Macie knows of it decides."""
ONCE = {
    "data": Counter({"s3:PutPublicAccessBlock": 1}),
    "key": Counter({"iam:PutUserPolicy": 1, "iam:UpdateAccessKey": 1, "securityhub:BatchUpdateFindings": 1}),
    "bucket": Counter({"s3:PutPublicAccessBlock": 1, "securityhub:BatchUpdateFindings": 1}),
    "instance": Counter(
        {
            "ec2:ModifyInstanceAttribute": 5,
            "ec2:CreateSnapshots": 1,
            "autoscaling:EnterStandby": 1,
            "ec2:CreateSecurityGroup": 1,
            "ec2:RevokeSecurityGroupEgress": 1,
            "ec2:ModifyNetworkInterfaceAttribute": 2,
            "iam:PutRolePolicy": 1,
            "ec2:CreateTags": 1,
            "securityhub:BatchUpdateFindings": 1,
        }
    ),
}


SPARSER = 12
"""Of a long response this much fewer reads are chosen, unless every call is asked for."""
LONG = 60
FEWER = 3
"""Of a response that differs from another in its world alone, unless every call is asked for."""


def chosen(home: Path, whole: Ended, every: int) -> list[int]:
    """The calls to kill after: every N-th, and each write, of a short response with the call after it."""
    made = whole.made
    long = len(made) > LONG and every > 1
    step, near = (every * SPARSER, (0,)) if long else (every, (0, 1))
    writing = {number + more for number, name in enumerate(made, 1) if name in set(writes(home)) for more in near}
    return [n for n in range(1, len(made) + 1) if n % step == 0 or n in writing]


def command(situation: str, mode: str) -> list[str]:
    event, world = SITUATIONS[situation]
    given = [] if world is None else ["--world", str(world)]
    return ["run", str(event), "--sandbox", *given, "--mode", mode, "--json"]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_run_killed_after_each_of_its_calls_ends_contained_when_started_again(
    situation: str, tmp_path: Path, every: int
) -> None:
    whole = stanch(tmp_path / "whole", *command(situation, "auto"))
    assert (whole.code, whole.report["status"]) == (0, "contained")
    assert Counter(writes(tmp_path / "whole")) == ONCE[situation]
    few = every * FEWER if every > 1 and SITUATIONS[situation][1] is None else every
    for call in chosen(tmp_path / "whole", whole, few):
        home = tmp_path / f"killed-{call}"
        assert stanch(home, *command(situation, "auto"), kill_after=call).code == -9, f"call {call} was not reached"
        if whole.made[call - 1] == "iam:PutUserPolicy":
            told = stanch(home, "standing")
            assert (told.code, "outcome unknown" in told.out) == (0, True), told.out
        again = stanch(home, *command(situation, "auto"))
        assert (again.code, again.report["status"]) == (0, "contained"), (
            f"killed after call {call}: {again.report['reason']}"
        )
        assert Counter(writes(home)) == ONCE[situation], f"killed after call {call}"


@pytest.mark.parametrize("situation", [name for name, (_, world) in SITUATIONS.items() if world])
def test_an_approval_killed_after_each_of_its_calls_is_carried_out_when_given_again(
    situation: str, tmp_path: Path, every: int
) -> None:
    first = tmp_path / "asked"
    report = stanch(first, *command(situation, "approve")).report
    assert report["status"] == "awaiting_approval"
    approve = ("approvals", "approve", report["run_id"], "--by", "dana", "--json")
    whole = stanch(copied(first, tmp_path / "whole"), *approve)
    assert whole.report["status"] == "contained"
    for call in chosen(tmp_path / "whole", whole, every):
        home = copied(first, tmp_path / f"killed-{call}")
        assert stanch(home, *approve, kill_after=call).code == -9, f"call {call} was not reached"
        again = stanch(home, *command(situation, "approve"))
        assert again.report["status"] == "contained", f"killed after call {call}: {again.report['reason']}"
        assert Counter(writes(home)) == ONCE[situation], f"killed after call {call}"


def copied(home: Path, to: Path) -> Path:
    """A home as another one left it, so that the same question is asked but once."""
    return Path(shutil.copytree(home, to))
