"""One finding has one key, whichever way it came, and nobody else's finding can take that key."""

import json

import pytest

ROADS = {
    "GuardDuty credential abuse": [
        "guardduty_credential_abuse",
        "guardduty_credential_abuse_api",
        "guardduty_credential_abuse_asff",
        "guardduty_credential_abuse_ocsf",
    ],
    "GuardDuty sequence over instances": ["guardduty_instance_group", "guardduty_instance_group_asff"],
    "GuardDuty malware in a snapshot": ["guardduty_malware_snapshot", "guardduty_malware_snapshot_asff"],
    "GuardDuty web attack": ["guardduty_web_attack", "guardduty_web_attack_asff"],
    "a Security Hub control": ["securityhub_s3_public", "securityhub_s3_public_ocsf"],
    "a Macie policy finding": ["macie_policy", "macie_policy_asff"],
}


@pytest.mark.parametrize("roads", ROADS.values(), ids=ROADS)
def test_every_road_gives_the_same_key_type_situation_traffic_and_targets(roads, example, read):
    found = [read(example(name))[0] for name in roads]
    assert len({(item.key, item.type, item.situation, item.origin) for item in found}) == 1
    assert all(item.targets == found[0].targets for item in found)
    assert len({tuple(item.id for item in one.foreign_resources) for one in found}) == 1
    assert all(item.traffic == found[0].traffic for item in found)


SEQUENCE = {
    "ACCESS_KEY": {
        "uid": "AKIAIOSFODNN7EXAMPL1",
        "resourceType": "ACCESS_KEY",
        "data": {"accessKey": {"principalId": "AIDAEXAMPLE", "userName": "build-bot", "userType": "IAMUser"}},
    },
    "ECS_CLUSTER": {
        "uid": "arn:aws:ecs:eu-west-1:111122223333:cluster/shop",
        "resourceType": "ECS_CLUSTER",
        "name": "shop",
    },
}


@pytest.mark.parametrize(
    ("about", "targets"),
    [
        ("IAM/CompromisedCredentials", ["access_key:AKIAIOSFODNN7EXAMPL1", "user:build-bot"]),
        ("ECS/CompromisedCluster", []),
    ],
)
def test_a_sequence_names_what_it_touched_and_is_about_what_its_type_says(about, targets, example, read):
    event = example("guardduty_instance_group")
    event["detail"]["type"] = f"AttackSequence:{about}"
    event["detail"]["service"]["detection"]["sequence"]["resources"] += SEQUENCE.values()
    [finding] = read(event)
    assert [f"{target.kind}:{target.id}" for target in finding.targets] == targets
    assert {"i-0abc1234def567890", "arn:aws:ecs:eu-west-1:111122223333:cluster/shop"} <= set(finding.named_resources)


def test_the_version_is_the_same_by_every_road_and_changes_with_the_service_only(example, read):
    native, event = example("guardduty_credential_abuse"), example("guardduty_credential_abuse_asff")
    kept = event["detail"]["findings"][0]
    kept["Note"] = {"Text": "seen", "UpdatedBy": "somebody", "UpdatedAt": "2026-11-20T11:00:00Z"}
    kept["Workflow"]["Status"] = "NOTIFIED"
    assert read(native)[0].version == read(event)[0].version
    kept["UpdatedAt"] = "2026-11-20T12:00:00.000Z"
    assert read(native)[0].version != read(event)[0].version


def test_a_customers_product_cannot_take_the_key_of_a_guardduty_finding(example, read):
    event = example("guardduty_credential_abuse_asff")
    forged = event["detail"]["findings"][0]
    forged["ProductArn"] = "arn:aws:securityhub:eu-west-1:111122223333:product/111122223333/default"
    assert read(event)[0].key != read(example("guardduty_credential_abuse"))[0].key


def test_the_order_of_json_keys_changes_nothing(example, read):
    for name in ("guardduty_attack_sequence", "guardduty_credential_abuse_asff", "guardduty_credential_abuse_ocsf"):
        event = example(name)
        assert read(_reversed(event)) == read(event), name


def test_a_finding_is_the_same_in_a_queue_a_topic_a_list_or_bare(example, read):
    event = example("guardduty_credential_abuse")
    plain = read(event)
    text = json.dumps(event)
    wrapped = {
        "sqs": {"Records": [{"messageId": "1", "eventSource": "aws:sqs", "body": text}]},
        "sqs receive": {"Messages": [{"MessageId": "1", "Body": text}]},
        "sns in sqs": {"Records": [{"body": json.dumps({"Type": "Notification", "Message": text})}]},
        "sns": {"Records": [{"Sns": {"Message": text}}]},
        "list": [event],
        "string": text,
        "bare": event["detail"],
    }
    for name, body in wrapped.items():
        assert read(body) == plain, name


def test_account_and_region_come_from_the_finding_and_never_from_the_envelope(example, read):
    for name in ("guardduty_credential_abuse", "securityhub_s3_public", "macie_policy", "config_rule"):
        event = example(name)
        event["account"], event["region"] = "444455556666", "ap-south-1"
        assert read(event) == read(example(name)), name


def _reversed(value):
    if isinstance(value, dict):
        return {name: _reversed(value[name]) for name in reversed(value)}
    return [_reversed(item) for item in value] if isinstance(value, list) else value
