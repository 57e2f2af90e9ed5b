"""Findings in Security Hub: one without a note, one that a person wrote on; in both APIs."""

from typing import Any

import hub_v2_scene

from agent.plan import Change
from agent.record import JsonObject
from agent.target import Target, TargetKind
from grounds import ACCOUNT, REGION, Ground, plain
from tools.sandbox.engine import Sandbox

_PRODUCT = f"arn:aws:securityhub:{REGION}::product/aws/securityhub"
_ID, _NOTED, _SIBLING = (
    f"arn:aws:securityhub:{REGION}:{ACCOUNT}:security-control/S3.{number}/finding/one" for number in (2, 3, 8)
)
_WORLD = f"""
now: 2026-11-20T12:00:00Z
account: {ACCOUNT}
region: {REGION}
securityhub:
  findings:
    - {{ control: S3.2, id: "{_ID}", bucket: reports }}
    - control: S3.3
      id: "{_NOTED}"
      bucket: reports
      raw: {{ Note: {{ Text: Ask Ana first., UpdatedBy: ben, UpdatedAt: "2026-11-20T11:00:00.000Z" }} }}
    - {{ control: S3.8, id: "{_SIBLING}", bucket: website }}
s3:
  buckets: [ {{ name: reports }}, {{ name: website }} ]
"""


def _hub(sandbox: Sandbox) -> Any:
    return sandbox.client("securityhub", ACCOUNT, REGION)


def _look(sandbox: Sandbox) -> Any:
    return plain(_hub(sandbox).get_findings())


def _sibling(sandbox: Sandbox) -> bool:
    findings = {found["Id"]: found for found in _hub(sandbox).get_findings()["Findings"]}
    return findings[_SIBLING]["Workflow"]["Status"] == "NEW" and "Note" not in findings[_SIBLING]


def _write_a_note(sandbox: Sandbox, change: Change) -> None:
    _hub(sandbox).batch_update_findings(
        FindingIdentifiers=[{"Id": change.params["finding_id"], "ProductArn": _PRODUCT}],
        Note={"Text": "I am on it.", "UpdatedBy": "ben"},
    )


def _ground(name: str, finding: str, workflow: str) -> Ground:
    params: JsonObject = {
        "finding_id": finding, "product_arn": _PRODUCT, "workflow": workflow, "note": "contained: run r1",
    }  # fmt: skip
    return Ground(
        name=name,
        world=_WORLD,
        target=Target(kind=TargetKind.OTHER, id=finding, account=ACCOUNT, region=REGION),
        params=params,
        look=_look,
        drift=_write_a_note,
        sibling=_sibling,
        failing=finding == _NOTED,
    )


def _told(workflow: str) -> JsonObject:
    return {"workflow": workflow, "note": "contained: run r1"}


_THEIRS = "Ask Ana first."
GROUNDS = [
    _ground("without_note", _ID, "RESOLVED"),
    _ground("with_a_person_s_note", _NOTED, "NOTIFIED"),
    hub_v2_scene.ground("v2_without_comment", hub_v2_scene.BLANK, _THEIRS, _told("RESOLVED"), None),
    hub_v2_scene.ground("v2_with_a_person_s_comment", hub_v2_scene.NOTED, _THEIRS, _told("NOTIFIED"), None),
]
