"""Other findings about the same thing are counted as their services hold them, and nobody can add to them by writing."""

from typing import Any

import pytest
from asking import ACCOUNT, ATTACK, ATTACKED, BUCKET, FINDING, INSTANCE, KEY, REGION, USER, WORLD, ask, changed, values

from tools.evidence.related_findings import MOST

FORGED = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:product/{ACCOUNT}/default"


def told(world: dict[str, Any], prefix: str, identity: str) -> list[Any]:
    attack = identity == INSTANCE
    found = values(ask("related_findings", world, ATTACK if attack else FINDING))
    return [value for name, value in found.items() if name.startswith(f"{prefix}.") and name.endswith(identity)]


def threats(*findings: dict[str, Any]) -> dict[str, Any]:
    return changed("guardduty", {"findings": list(findings)})


def of_hub(**changes: Any) -> dict[str, Any]:
    return changed("securityhub.findings.1", {"control": "S3.5", "bucket": BUCKET, "severity": "CRITICAL", **changes})


NONE = [0, "absent: no_other_finding"]


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (WORLD, [1, 50]),
        (
            threats({"key": KEY, "severity": 8}, {"key": KEY, "severity": 2, "at": "-3d", "region": "us-east-1"}),
            [2, 80],
        ),
        (threats({"key": KEY, "archived": True}), NONE),
        (threats({"key": KEY, "sample": True}), NONE),
        (threats({"key": "AKIASOMEBODYELSE0001"}), NONE),
        (threats({"key": KEY, "id": "ab" * 16}), NONE),
        (threats(*[{"key": KEY, "at": f"-{n}m"} for n in range(20, 30 + MOST)]), [MOST, 80]),
        (changed("guardduty", {"enabled": False}), ["absent: no_detector"] * 2),
    ],
)
def test_threats_to_a_key_are_counted_and_the_finding_itself_is_none_of_them(
    world: dict[str, Any], expected: list[Any]
) -> None:
    own = FINDING.model_copy(update={"key": f"arn:aws:guardduty:{REGION}:{ACCOUNT}:detector/x/finding/{'ab' * 16}"})
    found = values(ask("related_findings", world, own))
    assert [found[f"key.threat_findings {KEY}"], found[f"key.threat_severity {KEY}"]] == expected


def test_a_user_s_findings_are_those_of_the_user_and_not_of_a_role_with_its_name() -> None:
    assert told(threats({"user": USER}, {"role": USER}), "user", USER) == [1, 80]


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (WORLD, [1, 70]),
        (of_hub(), [2, 90]),
        (of_hub(raw={"Severity": {"Label": "LOW"}}), [2, 90]),
        (of_hub(raw={"ProductArn": FORGED}), [1, 70]),
        (of_hub(workflow="SUPPRESSED"), [1, 70]),
        (of_hub(record_state="ARCHIVED"), [1, 70]),
        (of_hub(compliance="PASSED"), [1, 70]),
        (of_hub(bucket="orders-data-2"), [1, 70]),
        (changed("securityhub", {"enabled": False}), ["absent: no_hub"] * 2),
    ],
)
def test_what_security_hub_holds_open_from_services_of_aws_is_counted(
    world: dict[str, Any], expected: list[Any]
) -> None:
    assert told(world, "bucket", BUCKET) == [1, 80, *expected]


def test_an_instance_has_both() -> None:
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{INSTANCE}"
    hub = {"findings": [{"control": "EC2.8", "resources": [{"type": "AwsEc2Instance", "id": arn}]}]}
    world = changed("guardduty", {"findings": [{"instance": INSTANCE, "severity": 8}]}, ATTACKED)
    assert told(changed("securityhub", hub, world), "instance", INSTANCE) == [1, 80, 1, 70]
