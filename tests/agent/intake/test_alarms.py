"""CloudTrail records, CloudWatch alarms, Config and Health: which are alarms, whose they are and what they are about."""

import pytest

from agent.finding import Refusal


def test_the_key_names_the_event_so_that_two_roads_give_one_finding(example, read):
    event = example("cloudtrail_stop_logging")
    [wrapped], [bare] = read(event), read(event["detail"])
    assert wrapped == bare
    assert wrapped.key == "cloudtrail:111122223333:eu-west-1:b8f1d0c2-3c55-47d8-9d0e-0000000000a1"
    assert [address.id for address in wrapped.remote_addresses] == ["198.51.100.23/32"]


CALLS = {
    ("cloudtrail", "DescribeTrails"): "unsupported",
    ("iam", "StopLogging"): "unsupported",
    ("iam", "CreateUser"): "unsupported",
    ("guardduty", "DisableSecurityHub"): "unsupported",
    ("accessanalyzer", "DeleteAnalyzer"): "unsupported",
    ("config", "StopConfigurationRecorder"): 70,
    ("config", "DeleteConfigRule"): 40,
    ("guardduty", "UpdateDetector"): 70,
    ("guardduty", "DisassociateFromMasterAccount"): 70,
    ("guardduty", "DisassociateMembers"): 70,
    ("guardduty", "DeleteMembers"): 70,
    ("guardduty", "ArchiveFindings"): 40,
    ("guardduty", "CreateIPSet"): 40,
    ("securityhub", "DisableSecurityHub"): 70,
    ("securityhub", "DisableSecurityHubV2"): 70,
    ("securityhub", "DisassociateFromAdministratorAccount"): 70,
    ("securityhub", "BatchDisableStandards"): 40,
    ("inspector2", "Disable"): 40,
    ("access-analyzer", "DeleteAnalyzer"): 40,
    ("cloudtrail", "DeleteEventDataStore"): 70,
    ("organizations", "LeaveOrganization"): 70,
}


@pytest.mark.parametrize(("service", "call"), CALLS)
def test_only_calls_that_may_blind_the_account_or_make_credentials_are_alarms(service, call, example, read):
    event = example("cloudtrail_stop_logging")
    event["detail"] |= {"eventName": call, "eventSource": f"{service}.amazonaws.com"}
    [found] = read(event)
    assert (found.reason if isinstance(found, Refusal) else found.severity) == CALLS[service, call]


QUARANTINE = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantine"
ASKED = [
    ("macie2", "UpdateMacieSession", {"status": "PAUSED"}, 40),
    ("macie2", "UpdateMacieSession", {"status": "ENABLED"}, "unsupported"),
    ("macie2", "UpdateMacieSession", {"findingPublishingFrequency": "ONE_HOUR"}, "unsupported"),
    ("guardduty", "CreateFilter", {"name": "quiet", "action": "ARCHIVE"}, 40),
    ("guardduty", "CreateFilter", {"name": "mine", "action": "NOOP"}, "unsupported"),
    ("iam", "UpdateAccessKey", {"status": "Active"}, 40),
    ("iam", "UpdateAccessKey", {"status": "Inactive"}, "unsupported"),
    ("iam", "DetachUserPolicy", {"userName": "helpdesk", "policyArn": QUARANTINE}, 40),
    ("iam", "DetachUserPolicy", {"userName": "helpdesk", "policyArn": f"{QUARANTINE}V2"}, 40),
    ("iam", "DetachUserPolicy", {"userName": "helpdesk", "policyArn": "arn:aws:iam::aws:policy/Other"}, "unsupported"),
    ("iam", "DetachUserPolicy", {"userName": "helpdesk", "policyArn": {"": QUARANTINE}}, "unsupported"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "call", "request_", "expected"), ASKED)
def test_some_calls_are_alarms_only_with_what_they_ask_for(service, call, request_, expected, example, read):
    event = example("cloudtrail_key_made")
    event["detail"] |= {"eventName": call, "eventSource": f"{service}.amazonaws.com", "requestParameters": request_}
    [found] = read(event)
    assert (found.reason if isinstance(found, Refusal) else found.severity) == expected


@pytest.mark.parametrize(
    ("said", "severity"), [({"ConsoleLogin": "Failure"}, 1), ({"ConsoleLogin": "Success"}, 70), (None, 70)]
)
def test_a_sign_in_of_root_that_failed_counts_as_refused(said, severity, example, read):
    event = example("cloudtrail_root_call")
    event["detail"] |= {
        "eventName": "ConsoleLogin", "eventSource": "signin.amazonaws.com", "errorMessage": "Failed authentication",
        "eventType": "AwsConsoleSignIn", "requestParameters": None, "responseElements": said,
    }  # fmt: skip
    [found] = read({**event, "detail-type": "AWS Console Sign In via CloudTrail", "source": "aws.signin"})
    assert (found.type, found.severity) == ("CloudTrail:ConsoleLogin", severity)


MAKER = ["AKIAIOSFODNN7EXAMPL1", "build-bot"]
NAMED = {
    "for another": ({}, [*MAKER, "AKIAIOSFODNN7EXAMPL9", "helpdesk"]),
    "refused": ({"errorCode": "AccessDenied"}, MAKER),
    "for oneself, with no user named": (
        {"requestParameters": None, "responseElements": {"accessKey": {"accessKeyId": "AKIAIOSFODNN7EXAMPL9"}}},
        [*MAKER, "AKIAIOSFODNN7EXAMPL9"],
    ),
    "a key id that is none": (
        {"responseElements": {"accessKey": {"userName": "helpdesk", "accessKeyId": "AKIA; rm"}}}, [*MAKER, "helpdesk"],
    ),
    "a name that is none": (
        {"responseElements": {"accessKey": {"userName": "a b", "accessKeyId": "AKIAIOSFODNN7EXAMPL9"}}},
        [*MAKER, "AKIAIOSFODNN7EXAMPL9"],
    ),
    "an answer that is text": ({"responseElements": "x", "requestParameters": []}, MAKER),
    "a password": ({"eventName": "CreateLoginProfile", "responseElements": None}, [*MAKER, "helpdesk"]),
}  # fmt: skip


@pytest.mark.parametrize("what", NAMED)
def test_a_credential_made_for_another_user_is_named_with_its_user_and_the_maker_is_who_acted(what, example, read):
    change, ids = NAMED[what]
    event = example("cloudtrail_key_made_for_another")
    event["detail"] |= change
    [found] = read(event)
    assert [target.id for target in found.targets] == ids
    assert found.actors == ["build-bot"]


def test_the_new_key_belongs_to_the_user_it_was_made_for(example, read):
    owners = {target.id: target.owner for target in read(example("cloudtrail_key_made_for_another"))[0].targets}
    assert owners["AKIAIOSFODNN7EXAMPL9"] == "helpdesk"


def test_what_a_service_does_as_root_is_no_use_of_root(example, read):
    event = example("cloudtrail_root_call")
    event["detail"]["userIdentity"]["invokedBy"] = "autoscaling.amazonaws.com"
    [found] = read(event)
    assert found.reason == "unsupported"


def test_another_account_s_principal_is_named_and_is_no_target(example, read):
    event = example("cloudtrail_stop_logging")
    event["detail"]["userIdentity"]["accountId"] = "444455556666"
    [found] = read(event)
    assert [target.kind for target in found.targets] == ["trail"]
    assert "build-bot" in found.named_resources


def test_a_guardduty_call_is_not_taken_for_a_guardduty_finding(example, read):
    [found] = read(example("cloudtrail_delete_detector"))
    assert (found.origin, found.type) == ("cloudtrail", "CloudTrail:DeleteDetector")


@pytest.mark.parametrize(
    ("state", "workflow"), [("ALARM", "new"), ("OK", "resolved"), ("INSUFFICIENT_DATA", "resolved")]
)
def test_only_an_alarm_that_rings_is_open(state, workflow, example, read):
    event = example("cloudwatch_alarm")
    event["detail"]["state"]["value"] = state
    [found] = read(event)
    assert found.lifecycle.workflow == workflow


@pytest.mark.parametrize("arn", [
    "arn:aws:cloudwatch:eu-west-1:444455556666:alarm:root-sign-in",
    "arn:aws:cloudwatch:us-east-1:111122223333:alarm:root-sign-in",
    "arn:aws:sns:eu-west-1:111122223333:root-sign-in",
    "root-sign-in",
])  # fmt: skip
def test_an_alarm_that_is_not_the_event_s_own_is_malformed(arn, example, read):
    event = example("cloudwatch_alarm")
    event["resources"] = [arn]
    [found] = read(event)
    assert (found.reason, found.where) == ("malformed", "resources[0]")


def test_what_shield_sees_names_what_is_attacked(example, read):
    [found] = read(example("cloudwatch_shield"))
    assert found.type == "Shield:DDoSDetected"
    assert found.named_resources == [
        "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/shop/0123456789abcdef"
    ]


def test_only_of_what_ec2_itself_measures_is_the_instance_a_target(example, read):
    event = example("cloudwatch_instance")
    event["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"]["namespace"] = "Shop"
    [found] = read(event)
    assert (found.targets, found.named_resources) == ([], ["i-0abc1234def567890"])


KEY_ID, MADE = "1234abcd-12ab-34cd-56ef-1234567890ab", "AIDACKCEVSQ6C2EXAMPL1"
CONFIG = [
    ("AWS::IAM::User", "build-bot", None, "user:build-bot"),
    ("AWS::IAM::User", MADE, "build-bot", "user:build-bot"),
    ("AWS::IAM::User", MADE, None, None),
    ("AWS::IAM::Role", "AROACKCEVSQ6C2EXAMPL1", "deploy", "role:deploy"),
    ("AWS::KMS::Key", KEY_ID, "alias/shop", f"kms_key:{KEY_ID}"),
    ("AWS::Lambda::Function", "thumbnails", None, "function:thumbnails"),
    ("AWS::RDS::DBInstance", "orders", None, "database:orders"),
    ("AWS::RDS::DBInstance", "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ", "orders", "database:orders"),
    ("AWS::RDS::DBInstance", "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ", None, None),
    ("AWS::CloudTrail::Trail", "everything", None, "trail:everything"),
    ("AWS::EC2::SecurityGroup", "web", "sg-0abc1234def567890", None),
    ("AWS::IAM::User", "arn:aws:iam::444455556666:user/build-bot", "build-bot", None),
]


@pytest.mark.parametrize(("kind", "name", "called", "target"), CONFIG)
def test_config_says_the_type_and_so_a_bare_id_will_do_if_an_api_takes_it(kind, name, called, target, example, read):
    event = example("config_rule")
    event["detail"] |= {"resourceType": kind, "resourceId": name, "resourceName": called}
    [found] = read(event)
    assert [f"{each.kind}:{each.id}" for each in found.targets] == ([target] if target else [])


def test_config_of_another_partition_is_of_that_partition(example, read):
    event = example("config_rule")
    event["detail"]["awsRegion"] = "cn-north-1"
    [found] = read(event)
    assert (found.partition, found.targets[0].partition) == ("aws-cn", "aws-cn")


ENTITIES = {
    "arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc1234def567890": "instance:i-0abc1234def567890",
    "arn:aws:s3:::example-ledger-exports": "bucket:example-ledger-exports",
    "arn:aws:iam::111122223333:user/ci/build-bot": "user:build-bot",
    "arn:aws:iam::444455556666:user/build-bot": None,
    "arn:aws:s3:::example-ledger-exports/a-file": None,
    "build-bot": None,
}


@pytest.mark.parametrize("entity", ENTITIES)
def test_an_entity_of_health_that_says_what_it_is_is_a_target(entity, example, read):
    event = example("health_retirement")
    event["detail"]["affectedEntities"] = [{"entityValue": entity}]
    [found] = read(event)
    target = ENTITIES[entity]
    assert [f"{each.kind}:{each.id}" for each in found.targets] == ([target] if target else [])


@pytest.mark.parametrize(
    ("endpoint", "named"),
    [
        ({}, True),
        ({"vpcEndpointId": "vpce-0123456789abcdef0", "vpcEndpointAccountId": "111122223333"}, True),
        ({"vpcEndpointId": "vpce-0123456789abcdef0", "vpcEndpointAccountId": "999999999999"}, False),
        ({"vpcEndpointId": "vpce-0123456789abcdef0"}, False),
    ],
    ids=["none", "the account's own", "a stranger's", "nobody says whose"],
)
def test_an_address_behind_somebody_else_s_vpc_endpoint_is_no_place_to_speak_of(example, read, endpoint, named):
    event = example("cloudtrail_stop_logging")
    event["detail"] |= {"sourceIPAddress": "203.0.113.20", **endpoint}
    assert [each.id for each in read(event)[0].remote_addresses] == (["203.0.113.20/32"] if named else [])
