"""Who acted is noted by name on every road, whether or not the finding is about them, and never a stranger's name."""

import pytest

from agent.target import TargetKind

ACTED = {
    "guardduty_credential_abuse": ["build-bot"],
    "guardduty_credential_abuse_api": ["build-bot"],
    "guardduty_credential_abuse_asff": ["build-bot"],
    "guardduty_credential_abuse_ocsf": ["build-bot"],
    "guardduty_s3_public": ["build-bot"],
    "guardduty_attack_sequence": ["build-bot"],
    "macie_policy": ["build-bot"],
    "cloudtrail_stop_logging": ["build-bot"],
    "guardduty_role_session": ["deploy"],
    "guardduty_c2": [],
    "securityhub_s3_public": [],
}


@pytest.mark.parametrize("name", ACTED)
def test_who_acted_is_noted(name, example, read):
    assert read(example(name))[0].actors == ACTED[name]


OF_BUILD_BOT = [
    "guardduty_credential_abuse",
    "guardduty_credential_abuse_api",
    "guardduty_credential_abuse_asff",
    "guardduty_credential_abuse_ocsf",
    "guardduty_attack_sequence",
    "cloudtrail_key_made",
    "cloudtrail_stop_logging",
]


@pytest.mark.parametrize("name", OF_BUILD_BOT)
def test_a_user_is_known_by_name_and_unique_id_on_every_road(name, example, read):
    (user,) = [target for target in read(example(name))[0].targets if target.kind is TargetKind.USER]
    assert (user.id, user.unique_id) == ("build-bot", "AIDACKCEVSQ6C2EXAMPL1")


@pytest.mark.parametrize(
    "given", [None, "", "GeneratedFindingPrincipalId", "AIDACKCEVSQ6C2EXAMPL1:x", "AROACKCEVSQ6C2EXAMPL1", 7]
)
def test_what_is_no_unique_id_of_a_user_is_none(given, example, read):
    event = example("guardduty_credential_abuse")
    event["detail"]["resource"]["accessKeyDetails"]["principalId"] = given
    assert [target.unique_id for target in read(event)[0].targets] == [None, None]


def test_a_target_without_a_unique_id_is_written_as_before(example, read):
    """What waits for an answer is bound to a digest of it."""
    key, user = read(example("guardduty_credential_abuse"))[0].targets
    assert ["unique_id" in target.model_dump(mode="json") for target in (key, user)] == [False, True]


def test_a_session_of_identity_center_is_the_person_whose_name_it_bears(example, read):
    event = example("guardduty_role_session")
    key = event["detail"]["resource"]["accessKeyDetails"]
    key |= {"userName": "AWSReservedSSO_ops_0a1b2c3d", "principalId": "AROACKCEVSQ6C2EXAMPL2:dana@example.com"}
    assert read(event)[0].actors == ["AWSReservedSSO_ops_0a1b2c3d", "dana@example.com"]


def test_a_principal_of_another_account_is_nobody_of_ours(example, read):
    event = example("macie_policy")
    event["detail"]["policyDetails"]["actor"]["userIdentity"]["iamUser"]["accountId"] = "444455556666"
    assert read(event)[0].actors == []


def test_whoever_changed_a_bucket_through_a_role_is_noted_by_the_role(example, read):
    event = example("macie_policy")
    event["detail"]["policyDetails"]["actor"]["userIdentity"] = {
        "type": "AssumedRole",
        "assumedRole": {
            "accountId": "111122223333", "principalId": "AROACKCEVSQ6C2EXAMPL2:deploy-4711",
            "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "deploy"}},
        },
    }  # fmt: skip
    assert read(event)[0].actors == ["deploy"]


@pytest.mark.parametrize(
    ("username", "named"),
    [
        ("system:node:ip-10-0-1-17.eu-west-1.compute.internal", ["node:ip-10-0-1-17.eu-west-1.compute.internal"]),
        ("system:node:", []),
        ("system:node:a/../b", []),
        ("system:nodes", []),
        ("node:ip-10-0-1-17", []),
    ],
)
def test_a_request_with_a_node_s_own_credentials_is_about_the_node_too(example, read, username, named):
    event = example("guardduty_kubernetes")
    event["detail"]["resource"]["kubernetesDetails"]["kubernetesUserDetails"]["username"] = username
    assert [f"{target.kind}:{target.id}" for target in read(event)[0].targets] == ["other:shop", *named]


def test_a_node_of_a_stranger_s_cluster_is_nobody_of_ours(example, read):
    event = example("guardduty_kubernetes")
    resource = event["detail"]["resource"]
    resource["kubernetesDetails"]["kubernetesUserDetails"]["username"] = "system:node:ip-10-0-1-17"
    resource["eksClusterDetails"]["arn"] = "arn:aws:eks:eu-west-1:444455556666:cluster/shop"
    assert read(event)[0].targets == []
