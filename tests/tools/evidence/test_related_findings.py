"""Other findings about the same thing are counted as their services hold them, and nobody can add to them by writing."""

from typing import Any

import pytest
from asking import (
    ACCOUNT,
    ATTACK,
    ATTACKED,
    BUCKET,
    FINDING,
    INSTANCE,
    KEY,
    REGION,
    USER,
    ask,
    built,
    changed,
    gather,
    values,
)
from asking import (
    WORLD as ANYWHERE,
)

from tools.evidence.related_findings import MOST

HERE = ["us-east-1", REGION]
WORLD = changed(
    f"registry.accounts.{ACCOUNT}",
    {"role": "workload", "environment": "dev", "regions": HERE, "other_regions_denied": True},
    changed("guardduty.regions", HERE, ANYWHERE),
)
"""The same world, in which nobody works in other Regions, and GuardDuty watches these."""
FORGED = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:product/{ACCOUNT}/default"


def told(world: dict[str, Any], prefix: str, identity: str) -> list[Any]:
    attack = identity == INSTANCE
    found = values(ask("related_findings", world, ATTACK if attack else FINDING))
    names = ("threat_findings", "threat_severity", "hub_findings", "hub_severity")
    return [found[told] for name in names if (told := f"{prefix}.{name} {identity}") in found]


def threats(*findings: dict[str, Any], **more: Any) -> dict[str, Any]:
    return changed("guardduty", {"findings": list(findings), "regions": HERE, **more}, WORLD)


def of_hub(**changes: Any) -> dict[str, Any]:
    finding = {"control": "S3.5", "bucket": BUCKET, "severity": "CRITICAL", **changes}
    return changed("securityhub.findings.1", finding, WORLD)


CUT = "absent: more_than_looked_at"
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
        (changed("guardduty", {"enabled": False}, WORLD), ["absent: no_detector"] * 2),
        (threats(*[{"key": KEY, "at": f"-{n}m", "severity": 2} for n in range(20, 30 + MOST)]), [CUT] * 2),
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
        (changed("securityhub", {"enabled": False}, WORLD), ["absent: no_hub"] * 2),
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


def about_key(world: dict[str, Any], **more: Any) -> list[Any]:
    found = values(ask("related_findings", world, **more))
    names = ("threat_findings", "threat_severity", "archived_findings", "archived_severity")
    return [found[f"key.{name} {KEY}"] for name in names]


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (threats({"key": KEY, "archived": True}), [*NONE, 1, 80]),
        (threats({"key": KEY, "archived": True, "sample": True}), [*NONE, *NONE]),
        (threats({"key": KEY}, {"key": KEY, "archived": True, "severity": 2, "at": "-3d"}), [1, 80, 1, 20]),
    ],
)
def test_what_was_archived_is_counted_apart_and_not_forgotten(world: dict[str, Any], expected: list[Any]) -> None:
    assert about_key(world) == expected


def doubted(reason: str) -> list[str]:
    return [f"absent: {reason}"] * 4


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (threats(since="-61m"), [*NONE, *NONE]),
        (threats(since="-59m"), doubted("detector_changed_since")),
        (threats({"key": KEY, "severity": 2}, since="-59m"), doubted("detector_changed_since")),
        (threats({"key": KEY}, since="-59m"), [1, 80, *doubted("detector_changed_since")[:2]]),
        (threats(regions=[]), doubted("no_detector")),
        (changed(f"registry.accounts.{ACCOUNT}.other_regions_denied", False, threats()), doubted("no_detector")),
    ],
    ids=[
        "older",
        "younger",
        "younger, with a minor one",
        "younger, with a severe one",
        "not at home",
        "in all Regions",
    ],
)
def test_that_there_is_none_is_known_only_where_somebody_watched_all_along(
    world: dict[str, Any], expected: list[Any]
) -> None:
    """The finding was first seen an hour ago."""
    assert about_key(world) == expected


def test_a_detector_that_was_made_anew_took_the_findings_of_the_former_one_with_it() -> None:
    sandbox, world = built(threats({"bucket": BUCKET}))
    client = sandbox.client("guardduty", ACCOUNT, REGION)
    (former,) = client.list_detectors()["DetectorIds"]
    client.delete_detector(DetectorId=former)
    client.create_detector(Enable=True)
    told = values(gather("related_findings", sandbox, world))
    assert told[f"bucket.threat_findings {BUCKET}"] == "absent: detector_changed_since"


def test_a_detector_that_was_turned_off_holds_no_zero() -> None:
    sandbox, world = built(threats())
    client = sandbox.client("guardduty", ACCOUNT, REGION)
    client.update_detector(DetectorId=client.list_detectors()["DetectorIds"][0], Enable=False)
    told = values(gather("related_findings", sandbox, world))
    assert told[f"bucket.threat_findings {BUCKET}"] == "absent: detector_disabled"


def test_a_key_s_findings_are_looked_for_where_nobody_works_too() -> None:
    far = changed("guardduty.findings.0", {"key": KEY, "region": "sa-east-1"}, ANYWHERE)
    assert about_key(far)[:2] == [1, 80]
    assert about_key(far, timeout_at=lambda: True)[:2] == ["failed: deadline"] * 2
