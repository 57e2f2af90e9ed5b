"""CloudTrail records and CloudWatch alarms: which of them are alarms, and whose they are."""

import pytest


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
    ("config", "StopConfigurationRecorder"): None,
    ("guardduty", "UpdateDetector"): None,
    ("securityhub", "DisableSecurityHub"): None,
}


@pytest.mark.parametrize(("service", "call"), CALLS)
def test_only_calls_that_may_blind_the_account_or_make_credentials_are_alarms(service, call, example, read):
    event = example("cloudtrail_stop_logging")
    event["detail"] |= {"eventName": call, "eventSource": f"{service}.amazonaws.com"}
    [found] = read(event)
    assert getattr(found, "reason", None) == CALLS[service, call]


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
