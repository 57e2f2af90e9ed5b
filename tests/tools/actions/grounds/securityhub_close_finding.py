"""Findings in Security Hub that may be closed: one without a note, one that bears an earlier note of ours; in both APIs."""

from typing import Any

import hub_v2_scene

from agent.plan import Change
from agent.record import JsonObject
from agent.target import Target, TargetKind
from grounds import ACCOUNT, REGION, Ground, plain
from tools.actions.securityhub_close_finding import REOPENED
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
    - {{ control: S3.2, id: "{_ID}", bucket: reports, severity: LOW }}
    - control: S3.3
      severity: MEDIUM
      id: "{_NOTED}"
      bucket: reports
      raw: {{ Note: {{ Text: "[stanch] Stanch r0: escalated. [/stanch]", UpdatedBy: stanch, UpdatedAt: "2026-11-20T11:00:00.000Z" }} }}
    - {{ control: S3.8, id: "{_SIBLING}", bucket: website }}
s3:
  buckets: [ {{ name: reports }}, {{ name: website }} ]
"""


def _hub(sandbox: Sandbox) -> Any:
    return sandbox.client("securityhub", ACCOUNT, REGION)


def _look(sandbox: Sandbox) -> Any:
    """Without when a note was written, nor one that says only that it is open again: no note can be taken away."""
    seen = plain(_hub(sandbox).get_findings())
    for found in seen["Findings"]:
        if found.get("Note", {}).get("Text") == REOPENED:
            del found["Note"]
        found.get("Note", {}).pop("UpdatedAt", "")
    return seen


def _sibling(sandbox: Sandbox) -> bool:
    findings = {found["Id"]: found for found in _hub(sandbox).get_findings()["Findings"]}
    return findings[_SIBLING]["Workflow"]["Status"] == "NEW" and "Note" not in findings[_SIBLING]


def _write_a_note(sandbox: Sandbox, change: Change) -> None:
    _hub(sandbox).batch_update_findings(
        FindingIdentifiers=[{"Id": change.params["finding_id"], "ProductArn": _PRODUCT}],
        Note={"Text": "I am on it.", "UpdatedBy": "ben"},
    )


def _ground(name: str, finding: str) -> Ground:
    params: JsonObject = {"finding_id": finding, "product_arn": _PRODUCT, "note": "Closed as benign: run r1"}
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


_WORDS: JsonObject = {"note": "Closed as benign: run r1"}
_OURS = "[stanch] Stanch r0: escalated. [/stanch]"
GROUNDS = [
    _ground("without_note", _ID),
    _ground("with_our_note", _NOTED),
    hub_v2_scene.ground("v2_without_comment", hub_v2_scene.BLANK, _OURS, _WORDS, REOPENED),
    hub_v2_scene.ground("v2_with_our_comment", hub_v2_scene.NOTED, _OURS, _WORDS, REOPENED),
]
