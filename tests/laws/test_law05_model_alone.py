"""Law 5: a model alone never acts. Unattended is only what model and playbook propose on the same slot, and both mean it."""

from pathlib import Path

import pytest
from desk import BUCKET_WORLD, USER_WORLD, desk, event
from enumeration import OFFERED, SLOTS, Bench, said
from worked import Worked

from agent import playbook
from agent.plan import Confidence, Disposition
from agent.verdict import Mode
from graphs.service import NotAnswered
from tools.action import catalogue

WORLDS = {"user": (USER_WORLD, "guardduty_credential_abuse_asff"), "bucket": (BUCKET_WORLD, "securityhub_s3_public")}


def bench(folder: Path, situation: str) -> Bench:
    text, name = WORLDS[situation]
    at = desk(folder, text, event(name), Mode.OBSERVE)
    return Bench(at, at.state(at.deliver().run_id))


@pytest.mark.parametrize("situation", WORLDS)
def test_nobody_alone_makes_anything_run(tmp_path: Path, situation: str) -> None:
    """The playbook without a model; and a model that proposes exactly what the playbook does not."""
    on = bench(tmp_path, situation)
    told = {(p.action, p.slot) for p in playbook.answer(on.case, catalogue()).proposals}
    others = [(action, slot) for action in OFFERED for slot in SLOTS if (action, slot) not in told]
    bold = said(*others, disposition=Disposition.TRUE_POSITIVE, confidence=Confidence.HIGH)
    agreeing = said(*told, disposition=Disposition.TRUE_POSITIVE, confidence=Confidence.HIGH)
    assert on.runs(NotAnswered(reason="nobody")) == on.runs(bold) == frozenset()
    assert len(on.runs(agreeing)) == len(told) > 0


@pytest.mark.parametrize("situation", WORLDS)
@pytest.mark.parametrize("confidence", list(Confidence))
@pytest.mark.parametrize("disposition", list(Disposition))
def test_only_both_at_their_surest_make_anything_run(
    tmp_path: Path, situation: str, disposition: Disposition, confidence: Confidence
) -> None:
    on = bench(tmp_path, situation)
    told = playbook.answer(on.case, catalogue())
    answer = said(*((p.action, p.slot) for p in told.proposals), disposition=disposition, confidence=confidence)
    sure = disposition is Disposition.TRUE_POSITIVE and confidence is Confidence.HIGH
    assert bool(on.runs(answer)) == sure


def test_in_every_case_what_ran_unattended_was_proposed_by_both(worked: tuple[Worked, ...]) -> None:
    offenders = [
        f"{each.case.name}: {action.planned.id}"
        for each in worked
        for action in each.done
        if each.case.expect.mode is Mode.AUTO
        and not (action.verdict and action.verdict.facts.approvers)
        and not (action.planned.proposed_by_model and action.planned.proposed_by_playbook)
    ]
    assert offenders == []
