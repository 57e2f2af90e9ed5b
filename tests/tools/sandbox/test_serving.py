"""Another process sees over HTTP the very world that this one has, and gets nowhere else."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from ec2_scene import ACCOUNT, ADMIN, ENI, ENI_B, INSTANCE, REGION, WEB, ec2_of, groups_of, made

from tools.sandbox.engine import Credentials
from tools.sandbox.serving import Endpoint, serving

READ = f"""
import boto3, json
found = boto3.client("ec2").describe_network_interfaces(NetworkInterfaceIds=["{ENI}"])["NetworkInterfaces"]
print(json.dumps([group["GroupId"] for group in found[0]["Groups"]]))
"""


def variables(endpoint: Endpoint) -> dict[str, str]:
    keys = endpoint.credentials
    return {
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret,
        "AWS_SESSION_TOKEN": keys.token or "",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def elsewhere(endpoint: Endpoint, script: str) -> object:
    """What a script prints in a process of its own, which knows the endpoint and nothing else."""
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **variables(endpoint)}
    ran = subprocess.run(  # noqa: S603 - our own script, by our own interpreter
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(ran.stdout)


def client(endpoint: Endpoint, service: str, keys: Credentials | None = None) -> Any:
    signed = keys or endpoint.credentials
    return boto3.session.Session().client(
        service,
        REGION,
        endpoint_url=endpoint.url,
        aws_access_key_id=signed.access_key,
        aws_secret_access_key=signed.secret,
        aws_session_token=signed.token,
    )


def test_another_process_reads_the_groups_that_this_one_set_and_this_one_what_it_writes() -> None:
    sandbox = made()
    ec2_of(sandbox).modify_network_interface_attribute(NetworkInterfaceId=ENI, Groups=[ADMIN])
    with serving(sandbox, ACCOUNT, REGION) as endpoint:
        assert elsewhere(endpoint, READ) == [ADMIN]
        write = f'boto3.client("ec2").modify_network_interface_attribute(NetworkInterfaceId="{ENI}", Groups=["{WEB}"])'
        assert elsewhere(endpoint, f"import boto3\n{write}{READ}") == [WEB]
    assert (groups_of(sandbox, ENI), groups_of(sandbox, ENI_B)) == ([WEB], [ADMIN, WEB])


def test_every_protocol_is_served() -> None:
    sandbox = made()
    sandbox.client("s3", ACCOUNT, "us-east-1").create_bucket(Bucket="reports-here")
    reads = {
        "ec2": ("describe_instances", {"InstanceIds": [INSTANCE]}),
        "iam": ("get_role", {"RoleName": "web"}),
        "sts": ("get_caller_identity", {}),
        "s3": ("list_objects_v2", {"Bucket": "reports-here"}),
        "elbv2": ("describe_target_groups", {}),
        "autoscaling": ("describe_auto_scaling_groups", {}),
        "wafv2": ("list_ip_sets", {"Scope": "REGIONAL"}),
        "logs": ("describe_log_groups", {}),
        "guardduty": ("list_detectors", {}),
        "cloudtrail": ("lookup_events", {}),
        "cloudfront": ("list_distributions", {}),
    }
    with serving(sandbox, ACCOUNT, REGION) as endpoint:
        for service, (operation, asked) in reads.items():
            answer = getattr(client(endpoint, service), operation)(**asked)
            assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_callers_are_checked_and_what_is_not_there_is_refused() -> None:
    sandbox = made()
    s3 = sandbox.client("s3", ACCOUNT, "us-east-1")
    s3.create_bucket(Bucket="reports-here")
    s3.put_object(Bucket="reports-here", Key="a.txt", Body=b"hello")
    with serving(sandbox, ACCOUNT, REGION) as endpoint:
        stranger = Credentials(endpoint.credentials.access_key, "wrong", endpoint.credentials.token)
        with pytest.raises(ClientError) as refused:
            client(endpoint, "iam", stranger).list_users()
        assert refused.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
        with pytest.raises(ClientError) as unknown:
            client(endpoint, "detective").list_graphs()
        assert unknown.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        for acl, status in (("private", 403), ("public-read", 200)):
            s3.put_object_acl(Bucket="reports-here", Key="a.txt", ACL=acl)
            assert unsigned(f"{endpoint.url}/reports-here/a.txt") == status


def unsigned(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own loopback address
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_write_from_outside_is_saved_and_a_read_is_not() -> None:
    sandbox = made()
    saved: list[int] = []
    sandbox.on_write(lambda: saved.append(len(saved)))
    with serving(sandbox, ACCOUNT, REGION) as endpoint:
        iam, s3 = client(endpoint, "iam"), client(endpoint, "s3")
        iam.list_roles()
        s3.list_buckets()
        assert saved == []
        iam.create_user(UserName="new")
        assert len(saved) == 1


def test_a_sandbox_that_another_has_replaced_serves_no_more() -> None:
    sandbox = made()
    with serving(sandbox, ACCOUNT, REGION) as endpoint:
        made()
        assert unsigned(f"{endpoint.url}/reports-here/a.txt") == 501


def test_only_regions_of_the_account_s_own_partition_are_listed() -> None:
    with serving(made(), ACCOUNT, REGION) as endpoint:
        names = {one["RegionName"] for one in client(endpoint, "ec2").describe_regions()["Regions"]}
    assert {REGION, "us-east-1"} <= names
    assert not {name for name in names if name.startswith(("cn-", "us-gov-"))}
