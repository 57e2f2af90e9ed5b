"""The newer Security Hub with three findings in OCSF: one without a comment, one with one, and a sibling."""

import json
from typing import Any

from grounds import ACCOUNT, REGION, Ground, plain

from agent.plan import Change
from agent.record import JsonObject
from agent.target import Target, TargetKind
from tools.sandbox.engine import Sandbox

PRODUCT = f"arn:aws:securityhub:{REGION}::productv2/aws/securityhub"
BLANK, NOTED, SIBLING = (
    f"arn:aws:securityhub:{REGION}:{ACCOUNT}:security-control/S3.{number}/finding/one" for number in (2, 3, 8)
)


def ocsf(name: str, **fields: Any) -> JsonObject:
    """A check's finding of low severity, as GetFindingsV2 answers it."""
    return {
        "class_uid": 2003,
        "cloud": {"account": {"uid": ACCOUNT}, "provider": "AWS", "region": REGION},
        "finding_info": {"uid": name, "title": "a check", "modified_time_dt": "2026-11-20T11:00:00.000Z"},
        "metadata": {"uid": name[::-1], "product": {"name": "Security Hub", "uid": PRODUCT}},
        "severity_id": 2, "status": "New", "status_id": 1, "vendor_attributes": {"severity_id": 2},
    } | fields  # fmt: skip


def ground(name: str, finding: str, comment: str, params: JsonObject, blank: str | None) -> Ground:
    """A ground on one of the two findings. `comment` is the second one's; `blank` reads as none."""
    findings = [ocsf(BLANK), ocsf(NOTED, comment=comment), ocsf(SIBLING)]
    world = f"now: 2026-11-20T12:00:00Z\naccount: '{ACCOUNT}'\nregion: {REGION}\nsecurityhub: " + json.dumps(
        {"findings": [{"full": one} for one in findings]}
    )
    return Ground(
        name=name,
        world=world,
        target=Target(kind=TargetKind.OTHER, id=finding, account=ACCOUNT, region=REGION),
        params={"finding_id": finding, "product_arn": PRODUCT} | params,
        look=lambda sandbox: _look(sandbox, blank),
        drift=_write_a_comment,
        sibling=_sibling,
        failing=finding == NOTED,
    )


def client(sandbox: Sandbox) -> Any:
    """The client of the account."""
    return sandbox.client("securityhub", ACCOUNT, REGION)


def _look(sandbox: Sandbox, blank: str | None) -> Any:
    seen = plain(client(sandbox).get_findings_v2())
    for found in seen["Findings"]:
        if found.get("comment") == blank:
            found.pop("comment", None)
    return seen


def _sibling(sandbox: Sandbox) -> bool:
    found = {one["finding_info"]["uid"]: one for one in client(sandbox).get_findings_v2()["Findings"]}
    return found[SIBLING] == ocsf(SIBLING)


def _write_a_comment(sandbox: Sandbox, change: Change) -> None:
    named = {
        "CloudAccountUid": ACCOUNT,
        "FindingInfoUid": change.params["finding_id"],
        "MetadataProductUid": PRODUCT,
    }
    client(sandbox).batch_update_findings_v2(FindingIdentifiers=[named], Comment="I am on it.")
