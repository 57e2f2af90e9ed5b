"""Law 2: the model never names a resource. The schema on the wire has the same bytes for ever; more than sixteen ask."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from desk import ACCOUNT, BUCKET_WORLD, desk, event, world
from worked import Worked

from agent.closing import ACTION as CLOSING
from agent.plan import SLOT_NAMES
from agent.prompt import case_from_user_text, system_text
from agent.report import Status
from agent.wire import canonical_schema
from tools.action import catalogue


def schema_of(request: dict[str, Any]) -> str:
    text: str = request["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]
    return text


def test_the_schema_on_the_wire_is_the_same_bytes_in_every_case(worked: tuple[Worked, ...]) -> None:
    sent = {schema_of(request) for each in worked for request in each.converse}
    assert len(sent) == 1
    assert json.dumps(json.loads(*sent), indent=2, sort_keys=True) + "\n" == canonical_schema(catalogue())


def test_the_static_part_of_the_prompt_is_the_same_bytes_in_every_case(worked: tuple[Worked, ...]) -> None:
    """It is what Bedrock caches."""
    sent = {json.dumps(request["system"]) for each in worked for request in each.converse}
    assert len(sent) == 1
    assert json.loads(*sent)[0] == {"text": system_text(catalogue())}
    assert "cachePoint" in json.loads(*sent)[1]


def test_the_schema_is_the_one_in_the_repository() -> None:
    """A changed schema is compiled anew on Bedrock, for minutes: change this file only with that in mind."""
    kept = (Path(__file__).parents[2] / "docs" / "wire.schema.json").read_text(encoding="utf-8")
    assert kept == canonical_schema(catalogue())


def test_what_is_done_is_done_to_a_verified_slot_of_the_finding_or_its_evidence(worked: tuple[Worked, ...]) -> None:
    offenders = [
        f"{each.case.name}: {action.planned.change.target.key}"
        for each in worked
        for action in each.done
        if action.planned.change.action != CLOSING  # planned by code on the finding's own entry: no model chooses it
        and (
            action.planned.slot not in SLOT_NAMES
            or action.verdict is None
            or not (action.verdict.facts.target_verified and action.verdict.facts.target_in_slots)
        )
    ]
    assert offenders == []


def test_the_variable_part_of_the_prompt_is_one_case_without_a_name_in_the_clear(worked: tuple[Worked, ...]) -> None:
    offenders = []
    for each in worked:
        names = {t.id for r in each.reports if r.finding for t in r.finding.targets} - {""}
        for request in each.converse:
            text = request["messages"][0]["content"][0]["text"]
            assert case_from_user_text(text)
            facts = json.dumps([fact.model_dump(mode="json") for fact in case_from_user_text(text).facts])
            offenders += [f"{each.case.name}: {name}" for name in names if len(name) > 4 and name in facts]
            offenders += [
                f"{each.case.name}: {name}" for name in names if name.startswith(("AKIA", "ASIA")) and name in text
            ]
    assert offenders == []


@pytest.mark.parametrize("buckets", [16, 17, 20])
def test_more_targets_than_slots_ask(tmp_path: Path, buckets: int) -> None:
    names = [f"example-bucket-{number:02d}" for number in range(buckets)]
    body: Any = event("securityhub_s3_public")
    (first,) = body["detail"]["findings"][0]["Resources"]
    resources = [copy.deepcopy(first) | {"Id": f"arn:aws:s3:::{name}"} for name in names]
    body["detail"]["findings"][0]["Resources"] = resources
    text = world(
        BUCKET_WORLD,
        ("s3.buckets", [{"name": name, "policy": "public_read"} for name in names]),
        ("macie.findings", [{"bucket": name} for name in names]),
        ("macie.buckets", [{"name": name, "sensitivity_score": 80} for name in names]),
        ("cloudtrail.events", [{"at": "-3h", "name": "GetBucketAcl", "source": "s3", "resources": names}]),
    )
    at = desk(tmp_path, text, body)
    report = at.deliver()
    assert len(report.actions) == min(buckets, 16), report.reason
    overflows = {a.verdict.facts.overflow for a in report.actions if a.verdict}
    assert overflows == {buckets > 16}
    assert report.status is (Status.AWAITING_APPROVAL if buckets > 16 else Status.CONTAINED), report.reason
    assert at.changes == [] if buckets > 16 else len(at.changes) == 16
    assert ACCOUNT in at.world.registry.accounts
