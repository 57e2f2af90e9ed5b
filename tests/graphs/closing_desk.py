"""A desk whose finding evidence shows benign: low or medium, and closed by policy."""

import json
from pathlib import Path
from typing import Any

from desk import (
    ACCOUNT,
    ATTACKER,
    BUCKET,
    BUCKET_WORLD,
    KEY,
    OFFICE,
    REGION,
    USER,
    USER_WORLD,
    Desk,
    desk,
    event,
    world,
)

from agent.verdict import Mode

TOLD = "securityhub:BatchUpdateFindings"
CLOSED = ("s3.buckets.0.block", {"acls": True, "ignore_acls": True, "policy": True, "restrict": True})
LOGS = {"database": "logs", "table": "cloudtrail", "day": "timestamp", "account": "account", "region": "region"}
READ = {
    "at": "-151m", "name": "GetObject", "source": "s3", "user": USER, "address": "203.0.113.30", "resources": [BUCKET],
    "object": "q3/report.csv",
}  # fmt: skip
SHUT = (
    CLOSED, ("registry.athena", {"workgroup": "stanch", "trail": LOGS}), ("athena", {"trail": "org-trail"}),
    ("cloudtrail.events.0", READ),
)  # fmt: skip
"""Closed all along, by a trail that keeps reads of objects and shows none by a stranger."""


def low(severity: str = "MEDIUM", provider: str | None = None, **fields: Any) -> Any:
    """The event of a failed check, with the severity that anybody may change, and that of its product."""
    body = event("securityhub_s3_public")
    (finding,) = body["detail"]["findings"]
    scale = {"LOW": 1, "MEDIUM": 40, "HIGH": 70}
    finding["Severity"] = {"Label": severity, "Normalized": scale[severity]}
    given = provider or severity
    finding["FindingProviderFields"] = {"Severity": {"Label": given, "Normalized": scale[given]}}
    finding.update(fields)
    return body


def opened(folder: Path, body: Any = None, mode: Mode = Mode.AUTO, changes: Any = SHUT, **more: Any) -> Desk:
    """The desk."""
    return desk(folder, world(BUCKET_WORLD, *changes), body or low(), mode, **more)


HERE = {"role": "workload", "environment": "dev", "regions": [REGION, "us-east-1"], "other_regions_denied": True}
OF_OFFICE = (
    (f"registry.accounts.{ACCOUNT}", HERE), ("guardduty", {"regions": HERE["regions"]}), *SHUT[1:3],
)  # fmt: skip
"""Nobody works in other Regions, GuardDuty watches in these, and a trail is kept."""


def used_in_office(folder: Path, *more: Any) -> Desk:
    """The desk of a key that was used from the office alone, and `more` events."""
    body = json.loads(json.dumps(event("guardduty_credential_abuse_asff")).replace(ATTACKER, OFFICE))
    (finding,) = body["detail"]["findings"]
    finding["Severity"] = finding["FindingProviderFields"]["Severity"] = {"Label": "MEDIUM", "Normalized": 40}
    text = (
        USER_WORLD.replace(ATTACKER, OFFICE).replace("CreateAccessKey", "GetUser").replace(", error: AccessDenied", "")
    )
    events = [(f"cloudtrail.events.{3 + number}", each) for number, each in enumerate(more)]
    return desk(folder, world(text, *OF_OFFICE, *events), body)


SESSION = "ASIAREADERSESSION001"
TOOK_ON = {
    "at": "-128m", "name": "AssumeRole", "source": "sts", "key": KEY, "user": USER, "address": OFFICE, "region": "us-east-1",
    "request": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/reader", "roleSessionName": "x"},
    "response": {"credentials": {"accessKeyId": SESSION}},
}  # fmt: skip
"""The key takes on a role."""


def writes_on_it(at: Desk, run_id: str = "", **fields: Any) -> None:
    """Somebody else updates the finding in Security Hub: the one that this run closed, else the first."""
    hub = at.sandbox.client("securityhub", ACCOUNT, REGION)
    found = next(one for one in hub.get_findings()["Findings"] if run_id in one.get("Note", {}).get("Text", ""))
    hub.batch_update_findings(FindingIdentifiers=[{"Id": found["Id"], "ProductArn": found["ProductArn"]}], **fields)
    at.calls.clear()
