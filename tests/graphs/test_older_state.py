"""What an earlier version stored is read by this one, and never more freely."""

from pathlib import Path
from typing import Any

import pytest
from desk import USER_WORLD, desk, event

from agent.report import Status
from agent.verdict import Known, Mode, Verdict


def test_a_run_that_waits_since_before_a_fact_was_added_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk(tmp_path, USER_WORLD, event("guardduty_credential_abuse"), Mode.APPROVE)
    dump = Verdict.model_dump

    def older(verdict: Verdict, **how: Any) -> dict[str, Any]:
        whole = dump(verdict, **how)
        for name in ("predecessor_failed", "refused_before"):
            del whole["facts"][name]
        return whole

    with monkeypatch.context() as before:
        before.setattr(Verdict, "model_dump", older)
        asked = at.deliver()
    assert asked.status is Status.AWAITING_APPROVAL
    assert at.say("approve", asked).status is Status.CONTAINED


def test_a_stored_verdict_without_the_facts_counts_as_one_that_asks(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event("guardduty_credential_abuse"), Mode.APPROVE)
    verdict = at.deliver().actions[0].verdict
    assert verdict is not None
    stored = verdict.model_dump(mode="json")
    for name in ("predecessor_failed", "refused_before"):
        del stored["facts"][name]
    facts = Verdict.model_validate(stored).facts
    assert (facts.predecessor_failed, facts.refused_before) == (True, Known.UNKNOWN)
