"""Killed after any AWS call and started again, a run ends contained and writes nothing twice."""

from collections import Counter
from pathlib import Path

import pytest

from tests.processes.spawning import EVENTS, HERE, Ended, stanch, writes

SITUATIONS = {
    "key": ("guardduty_credential_abuse_asff.json", "world_key.yaml"),
    "bucket": ("securityhub_s3_public.json", "world_bucket.yaml"),
}
ONCE = {
    "key": Counter({"iam:PutUserPolicy": 1, "iam:UpdateAccessKey": 1, "securityhub:BatchUpdateFindings": 1}),
    "bucket": Counter({"s3:PutPublicAccessBlock": 1, "securityhub:BatchUpdateFindings": 1}),
}


def chosen(home: Path, whole: Ended, every: int) -> list[int]:
    """The calls to kill after: every N-th, and each write with the call after it."""
    made = whole.made
    writing = {
        place for number, name in enumerate(made, 1) if name in set(writes(home)) for place in (number, number + 1)
    }
    return [n for n in range(1, len(made) + 1) if n % every == 0 or n in writing]


def command(situation: str, mode: str) -> list[str]:
    event, world = SITUATIONS[situation]
    return ["run", str(EVENTS / event), "--sandbox", "--world", str(HERE / world), "--mode", mode, "--json"]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_run_killed_after_each_of_its_calls_ends_contained_when_started_again(
    situation: str, tmp_path: Path, every: int
) -> None:
    whole = stanch(tmp_path / "whole", *command(situation, "auto"))
    assert (whole.code, whole.report["status"]) == (0, "contained")
    assert Counter(writes(tmp_path / "whole")) == ONCE[situation]
    for call in chosen(tmp_path / "whole", whole, every):
        home = tmp_path / f"killed-{call}"
        assert stanch(home, *command(situation, "auto"), kill_after=call).code == -9, f"call {call} was not reached"
        again = stanch(home, *command(situation, "auto"))
        assert (again.code, again.report["status"]) == (0, "contained"), (
            f"killed after call {call}: {again.report['reason']}"
        )
        assert Counter(writes(home)) == ONCE[situation], f"killed after call {call}"


@pytest.mark.parametrize("situation", SITUATIONS)
def test_an_approval_killed_after_each_of_its_calls_is_carried_out_when_given_again(
    situation: str, tmp_path: Path, every: int
) -> None:
    def asked(home: Path) -> str:
        report = stanch(home, *command(situation, "approve")).report
        assert report["status"] == "awaiting_approval"
        return report["run_id"]

    run = asked(tmp_path / "whole")
    whole = stanch(tmp_path / "whole", "approvals", "approve", run, "--by", "dana", "--json")
    assert whole.report["status"] == "contained"
    for call in chosen(tmp_path / "whole", whole, every):
        home = tmp_path / f"killed-{call}"
        asked(home)
        killed = stanch(home, "approvals", "approve", run, "--by", "dana", "--json", kill_after=call)
        assert killed.code == -9, f"call {call} was not reached"
        again = stanch(home, *command(situation, "approve"))
        assert again.report["status"] == "contained", f"killed after call {call}: {again.report['reason']}"
        assert Counter(writes(home)) == ONCE[situation], f"killed after call {call}"
