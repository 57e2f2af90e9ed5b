"""Each example event parses to the finding that a reader would expect of it."""

import pytest

KEY, USER = "access_key:AKIAIOSFODNN7EXAMPL1", "user:build-bot"
OF_ANOTHER = ["access_key:AKIAIOSFODNN7EXAMPL9", "user:helpdesk"]
BUCKET = "bucket:example-ledger-exports"
WEB = ["instance:i-0abc1234def567890", "interface:eni-0aaa1111bbb22223a", "interface:eni-0aaa1111bbb22224a"]
BASTION = ["instance:i-0bbb1234def567891", "interface:eni-0bbb1111bbb22223a"]
BATCH = ["instance:i-0ccc1234def567892", "interface:eni-0ccc1111bbb22223a"]
MACHINE = ["instance:i-0abc1234def567890", "interface:eni-0aaa1111bbb22223", "interface:eni-0aaa1111bbb22224"]
GROUP = [*WEB, *BASTION, BATCH[0], "interface:eni-0ccc1111bbb22223a"]

EXPECTED = {
    "access_analyzer_bucket": ("public_bucket", 70, [BUCKET]),
    "cloudtrail_delete_detector": (
        "audit_tampering",
        70,
        ["role_session:AROACKCEVSQ6C2EXAMPL2:deploy-4711", "role:deploy"],
    ),
    "cloudtrail_key_activated": ("credential_abuse", 40, [KEY, USER, *OF_ANOTHER]),
    "cloudtrail_key_made": ("credential_abuse", 40, [KEY, USER]),
    "cloudtrail_key_made_for_another": ("credential_abuse", 40, [KEY, USER, *OF_ANOTHER]),
    "cloudtrail_quarantine_lifted": ("credential_abuse", 40, [KEY, USER, OF_ANOTHER[1]]),
    "cloudtrail_root_call": ("root_use", 70, []),
    "cloudtrail_stop_logging": ("audit_tampering", 70, ["trail:everything", KEY, USER]),
    "cloudtrail_stop_logging_refused": ("audit_tampering", 1, ["trail:everything", KEY, USER]),
    "cloudwatch_alarm": ("operations", 40, []),
    "cloudwatch_shield": ("inbound_attack", 70, []),
    "cloudwatch_instance": ("operations", 40, [MACHINE[0]]),
    "config_rule": ("public_bucket", 40, [BUCKET]),
    "config_user": ("posture", 40, [USER]),
    "guardduty_attack_sequence": ("credential_abuse", 90, [KEY, USER]),
    "guardduty_c2": ("instance_compromise", 80, WEB),
    "guardduty_c2_asff": ("instance_compromise", 80, WEB),
    "guardduty_c2_dns": ("instance_compromise", 80, WEB),
    "guardduty_credential_abuse": ("credential_abuse", 80, [KEY, USER]),
    "guardduty_credential_abuse_api": ("credential_abuse", 80, [KEY, USER]),
    "guardduty_credential_abuse_asff": ("credential_abuse", 80, [KEY, USER]),
    "guardduty_credential_abuse_ocsf": ("credential_abuse", 70, [KEY, USER]),
    "guardduty_database": ("database", 80, ["database:orders"]),
    "guardduty_instance_credentials": ("role_session_abuse", 80, ["role:web-instance", *MACHINE]),
    "guardduty_instance_group": ("instance_compromise", 90, GROUP),
    "guardduty_instance_group_asff": ("instance_compromise", 80, GROUP),
    "guardduty_instance_tor": ("instance_compromise", 80, MACHINE),
    "guardduty_kubernetes": ("kubernetes", 80, ["other:shop"]),
    "guardduty_malware_snapshot": ("instance_compromise", 80, ["snapshot:snap-0abc1234def567890"]),
    "guardduty_malware_snapshot_asff": ("instance_compromise", 80, ["snapshot:snap-0abc1234def567890"]),
    "guardduty_mining_spot": ("instance_compromise", 80, BATCH),
    "guardduty_port_probe": ("inbound_attack", 20, MACHINE),
    "guardduty_port_probe_web": (
        "inbound_attack",
        20,
        [*WEB, "address:192.0.2.211/32", "address:2001:db8:77::9/128"],
    ),
    "guardduty_role_session": (
        "role_session_abuse",
        50,
        ["role_session:AROACKCEVSQ6C2EXAMPL2:deploy-4711", "role:deploy"],
    ),
    "guardduty_root": ("root_use", 20, []),
    "guardduty_s3_exfiltration": ("bucket_data_access", 80, [BUCKET, KEY, USER]),
    "guardduty_s3_public": ("public_bucket", 80, [BUCKET]),
    "guardduty_sample": ("credential_abuse", 50, ["user:GeneratedFindingUserName"]),
    "guardduty_ssh_actor": ("instance_compromise", 80, BASTION),
    "guardduty_ssh_target": ("inbound_attack", 20, BASTION),
    "guardduty_trail_stopped": ("audit_tampering", 20, ["trail:everything", KEY, USER]),
    "guardduty_web_attack": ("inbound_attack", 50, [*WEB, "address:192.0.2.66/32"]),
    "guardduty_web_attack_asff": ("inbound_attack", 50, [*WEB, "address:192.0.2.66/32"]),
    "health_exposed_key": ("credential_abuse", 90, [KEY]),
    "health_quarantine": ("credential_abuse", 90, [USER]),
    "health_retirement": ("operations", 20, [MACHINE[0]]),
    "inspector_package": ("vulnerability", 70, [MACHINE[0]]),
    "macie_policy": ("public_bucket", 70, [BUCKET]),
    "macie_policy_asff": ("public_bucket", 70, [BUCKET]),
    "macie_sensitive_data": ("sensitive_data", 40, [BUCKET]),
    "securityhub_s3_public": ("public_bucket", 70, [BUCKET]),
    "securityhub_s3_public_ocsf": ("public_bucket", 70, [BUCKET]),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_event_holds_one_finding_with_this_situation_severity_and_these_targets(name, example, read):
    [finding] = read(example(name))
    found = [f"{target.kind}:{target.id}" for target in finding.targets]
    assert (str(finding.situation), finding.severity, found) == EXPECTED[name]
    assert finding.account == "111122223333"
    assert {target.account for target in finding.targets} <= {"111122223333"}


def test_a_custom_action_with_two_findings_gives_both_in_order(example, read):
    assert [finding.type for finding in read(example("securityhub_custom_action"))] == ["S3.8", "S3.5"]


def test_a_long_term_key_is_owned_by_its_user(example, read):
    [finding] = read(example("guardduty_credential_abuse"))
    key, user = finding.targets
    assert (key.owner, user.owner) == ("build-bot", None)
    assert key.region == user.region == "aws-global"


def test_a_temporary_key_of_a_user_comes_after_the_user(example, read):
    event = example("guardduty_credential_abuse")
    event["detail"]["resource"]["accessKeyDetails"]["accessKeyId"] = "ASIAIOSFODNN7EXAMPL1"
    [finding] = read(event)
    user, key = finding.targets
    assert (user.kind, key.temporary, key.owner) == ("user", True, "build-bot")


def test_addresses_on_the_other_side_are_networks_of_one(example, read):
    [finding] = read(example("guardduty_port_probe"))
    assert [address.id for address in finding.remote_addresses] == ["192.0.2.200/32", "192.0.2.201/32"]


def test_an_actor_of_another_account_is_named_and_no_target(example, read):
    [finding] = read(example("guardduty_attack_sequence"))
    assert "visitor" in finding.named_resources
    assert "visitor" not in {target.id for target in finding.targets}


def test_security_hub_findings_carry_what_batch_update_findings_takes(example, read):
    event = example("securityhub_s3_public")
    [finding] = read(event)
    kept = event["detail"]["findings"][0]
    assert (finding.product_arn, finding.hub_id) == (kept["ProductArn"], kept["Id"])


def test_what_an_account_opened_to_everybody_has_no_bucket_as_target(example, read):
    event = example("guardduty_s3_public")
    event["detail"]["type"] = "Policy:S3/AccountBlockPublicAccessDisabled"
    [finding] = read(event)
    assert (finding.targets, finding.named_resources) == ([], ["example-ledger-exports"])


def test_a_partition_is_taken_from_the_arn(example, read):
    event = example("guardduty_credential_abuse")
    event["detail"]["arn"] = event["detail"]["arn"].replace("arn:aws:", "arn:aws-us-gov:")
    [finding] = read(event)
    assert {finding.partition, *(target.partition for target in finding.targets)} == {"aws-us-gov"}


GUARDDUTY, ITS_ASFF = "guardduty_credential_abuse", "guardduty_credential_abuse_asff"


def test_either_services_finding_in_the_others_envelope_is_read_by_its_own_shape(example, read):
    native, hub = example(GUARDDUTY), example(ITS_ASFF)
    finding, asff = native["detail"], hub["detail"]["findings"][0]
    swapped = {
        GUARDDUTY: [{**hub, "detail": finding}, {**hub, "detail": {"findings": [finding]}}],
        ITS_ASFF: [{**native, "detail": asff}, {**native, "detail": {"findings": [asff]}}],
    }
    for name, bodies in swapped.items():
        assert [read(body) for body in bodies] == [read(example(name))] * 2


def test_the_others_envelope_lends_a_finding_no_account_and_no_product(example, read):
    native, hub = example(GUARDDUTY), example(ITS_ASFF)
    foreign = {**native["detail"], "accountId": "444455556666"}
    [refusal] = read({**hub, "detail": {"findings": [foreign]}})
    assert (refusal.reason, refusal.where) == ("malformed", "detail.findings[0].accountId")
    own = "arn:aws:securityhub:eu-west-1:111122223333:product/111122223333/default"
    [forged] = read({**native, "detail": {**hub["detail"]["findings"][0], "ProductArn": own}})
    assert (forged.origin, forged.product_arn) == ("third_party", own)
