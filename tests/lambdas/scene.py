"""What stands in the served AWS: users whose keys are abused, each with a finding of its own."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.lambdas.runtime import ACCOUNT, REGION

ATTACKER = "198.51.100.23"
_ENTRY = {"role": "workload", "environment": "dev", "regions": [REGION, "us-east-1"], "other_regions_denied": True}
_EVENT = Path(__file__).parents[1] / "data" / "events" / "guardduty_credential_abuse_asff.json"
_WRITTEN = datetime(2026, 11, 20, 10, 5, tzinfo=UTC)
_NOW = datetime.now(UTC)
"""Said once: an event of another minute would be another version of the finding, not the same one again."""


def user(number: int) -> str:
    return f"bot-{number}"


def key(number: int) -> str:
    return f"AKIAIOSFODNN7EXAMPL{number}"


def event(number: int) -> Any:
    """The finding about one of the users, as it would arrive now: from two hours ago."""
    text = _EVENT.read_text(encoding="utf-8")
    text = text.replace("EXAMPL1", f"EXAMPL{number}").replace("build-bot", user(number))
    text = text.replace("11c0ffee11c0ffee11c0ffee11c0ffee", f"{number}1c0ffee11c0ffee11c0ffee11c0ffe")
    return json.loads(re.sub(r"2026-11-20T\d\d:\d\d", lambda found: _moved(found[0]), text))


def _moved(moment: str) -> str:
    at = datetime.fromisoformat(f"{moment}:00+00:00") - _WRITTEN + _NOW - timedelta(hours=2)
    return f"{at:%Y-%m-%dT%H:%M}"


def every_finding(numbers: range) -> Any:
    """One event with all findings, for the services to keep."""
    whole = event(1)
    whole["detail"]["findings"] = [event(number)["detail"]["findings"][0] for number in numbers]
    return whole


def world(numbers: range) -> str:
    """A world in the present, as the functions' own clock is the real one."""
    trail = [
        {"at": at, "name": name, "key": key(number), "user": user(number), "address": ATTACKER, **more}
        for number in numbers
        for at, name, more in (
            ("-130m", "ListUsers", {"region": "us-east-1", "count": 5}),
            ("-125m", "CreateAccessKey", {"error": "AccessDenied"}),
        )
    ]
    users = [
        {"name": user(n), "keys": [{"id": key(n), "last_used": {"at": "-2h"}}], "managed": ["AdministratorAccess"]}
        for n in numbers
    ]
    flow = {"at": "-2h", "src": ATTACKER, "dst": "10.0.0.5", "bytes": 300}
    return yaml.safe_dump(
        {
            "now": f"{_NOW:%Y-%m-%dT%H:%M:%SZ}",
            "account": ACCOUNT,
            "region": REGION,
            "registry": {
                "accounts": {ACCOUNT: _ENTRY},
                "trusted_networks": ["203.0.113.0/24"],
                "people": {"rosa": ["owner"], "mei": ["analyst"]},
            },
            "iam": {"users": users},
            "cloudtrail": {"events": trail},
            "flow_logs": [
                {"group": "/vpc/flow", "vpc": "vpc-0123456789abcdef0", "interface": "eni-0123456789abcdef0",
                 "records": [flow]}
            ],
        }
    )  # fmt: skip


def sqs(*bodies: Any, receives: int = 1) -> Any:
    """A batch as a queue delivers it. A body that is no text is written as JSON."""
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "body": text,
                "attributes": {"ApproximateReceiveCount": str(receives)},
                "eventSource": "aws:sqs",
                "awsRegion": REGION,
            }
            for number, text in enumerate(texts)
        ]
    }


def left(answer: Any) -> list[str]:
    """The messages that the queue is to deliver again."""
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
