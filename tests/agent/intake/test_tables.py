"""Types, severities and moments are read by tables; each row here is one that somebody relies on."""

from datetime import UTC, datetime

import botocore.session
import pytest

from agent.finding import Origin, Traffic
from agent.intake.asff import control_of
from agent.intake.hub import native_type
from agent.intake.moments import moment
from agent.intake.node import Node
from agent.intake.place import Arn, Place, partition_of
from agent.intake.severity import of_asff, of_macie, of_ocsf, of_ten
from agent.intake.situations import CHECKS, CONTROLS, MACIE, guardduty_situation, situation

GUARDDUTY = [
    ("UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B", "IAMUser", "credential_abuse"),
    ("PrivilegeEscalation:IAMUser/AnomalousBehavior", "AssumedRole", "role_session_abuse"),
    ("Persistence:IAMUser/AnomalousBehavior", "Root", "root_use"),
    ("Policy:IAMUser/RootCredentialUsage", None, "root_use"),
    ("UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.InsideAWS", "IAMUser", "role_session_abuse"),
    ("Stealth:IAMUser/CloudTrailLoggingDisabled", "AssumedRole", "audit_tampering"),
    ("Policy:S3/BucketPublicAccessGranted", None, "public_bucket"),
    ("Policy:S3/BucketBlockPublicAccessDisabled", None, "public_bucket"),
    ("Discovery:S3/TorIPCaller", None, "bucket_data_access"),
    ("Trojan:EC2/DropPoint!DNS", None, "instance_compromise"),
    ("Backdoor:EC2/C&CActivity.B", None, "instance_compromise"),
    ("Recon:EC2/PortProbeEMRUnprotectedPort", None, "inbound_attack"),
    ("Recon:EC2/Portscan", None, "instance_compromise"),
    ("Execution:Kubernetes/ExecInKubeSystemPod", None, "kubernetes"),
    ("CredentialAccess:RDS/TorIPCaller.SuccessfulLogin", None, "database"),
    ("Impact:Lambda/NeverSeenBefore", None, "instance_compromise"),
    ("Nothing:EC2/NeverSeenBefore", None, None),
    ("Impact:Toaster/NeverSeenBefore", None, None),
]


@pytest.mark.parametrize(("finding_type", "user", "expected"), GUARDDUTY)
def test_a_guardduty_type_with_its_principal_has_a_situation(finding_type, user, expected):
    assert guardduty_situation(finding_type, user, None, is_actor=False) == expected


SSH, WINDOWS = "UnauthorizedAccess:EC2/SSHBruteForce", "UnauthorizedAccess:EC2/RDPBruteForce"
LISTED, TOR = "UnauthorizedAccess:EC2/MaliciousIPCaller.Custom", "UnauthorizedAccess:EC2/TorIPCaller"
SIDES = [
    *[(name, "inbound", role, "inbound_attack") for name in (SSH, WINDOWS, LISTED, TOR) for role in (True, False)],
    *[
        (name, "outbound", role, "instance_compromise")
        for name in (SSH, WINDOWS, LISTED, TOR)
        for role in (True, False)
    ],
    (SSH, "unknown", True, "instance_compromise"),
    (SSH, "unknown", False, "inbound_attack"),
    (TOR, "unknown", True, "inbound_attack"),
    (LISTED, "unknown", False, "instance_compromise"),
    *[
        (name, direction, role, "instance_compromise")
        for name in (
            "Impact:EC2/PortSweep",
            "Recon:EC2/Portscan",
            "Impact:EC2/WinRMBruteForce",
            "Backdoor:EC2/C&CActivity.B",
            "Backdoor:EC2/Spambot",
            "Backdoor:EC2/DenialOfService.Tcp",
            "CryptoCurrency:EC2/BitcoinTool.B",
            "Trojan:EC2/DGADomainRequest.B",
            "UnauthorizedAccess:EC2/TorClient",
            "UnauthorizedAccess:EC2/TorRelay",
        )
        for direction in ("inbound", "outbound", "unknown")
        for role in (True, False)
    ],
    ("Recon:EC2/PortProbeUnprotectedPort", "outbound", True, "inbound_attack"),
]


@pytest.mark.parametrize(("finding_type", "direction", "is_actor", "expected"), SIDES)
def test_type_and_direction_say_who_attacks_whom_and_the_role_by_itself_does_not(
    finding_type, direction, is_actor, expected
):
    traffic = Traffic(direction=direction)
    assert guardduty_situation(finding_type, None, traffic, is_actor=is_actor) == expected


OTHERS = [
    *[(CONTROLS, control, "public_bucket") for control in ("S3.1", "S3.2", "S3.3", "S3.8", "PCI.S3.1", "PCI.S3.2")],
    *[(CONTROLS, control, "public_bucket") for control in ("CIS.2.3", "CIS.2.1.5.1", "CloudTrail.6")],
    *[(CONTROLS, control, "posture") for control in ("S3.4", "S3.5", "S3.13", "CIS.2.2", "EC2.19", "PCI.S3.5")],
    (CHECKS, "s3_bucket_public_access_block_enabled", "public_bucket"),
    (CHECKS, "s3-bucket-public-write-prohibited", "public_bucket"),
    (CHECKS, "rds_instance_multi_az", "posture"),
    (MACIE, "Policy:IAMUser/S3BlockPublicAccessDisabled", "public_bucket"),
    (MACIE, "Policy:IAMUser/S3BucketEncryptionDisabled", "posture"),
    (MACIE, "SensitiveData:S3Object/Credentials", "sensitive_data"),
    (MACIE, "Policy:IAMUser/Unheard", None),
]


@pytest.mark.parametrize(("table", "name", "expected"), OTHERS)
def test_a_control_a_check_or_a_macie_type_has_a_situation(table, name, expected):
    assert situation(table, name) == expected


CONTROL_PLACES = [
    ({"Compliance": {"SecurityControlId": "S3.1"}, "ProductFields": {"ControlId": "PCI.S3.2"}}, "S3.1"),
    ({"ProductFields": {"ControlId": "PCI.S3.2", "RuleId": "9.9"}}, "PCI.S3.2"),
    ({"ProductFields": {"RuleId": "1.4"}}, "CIS.1.4"),
    ({"GeneratorId": "arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0/rule/2.2"}, "CIS.2.2"),
    ({"GeneratorId": "cis-aws-foundations-benchmark/v/1.4.0/2.1.5.1"}, "CIS.2.1.5.1"),
    ({"GeneratorId": "aws-foundational-security-best-practices/v/1.0.0/CloudFront.1"}, "CloudFront.1"),
    ({"GeneratorId": "my-own-generator"}, None),
]


@pytest.mark.parametrize(("finding", "expected"), CONTROL_PLACES)
def test_a_control_id_is_found_wherever_it_stands(finding, expected):
    assert control_of(Node(finding)) == expected


NATIVE = [
    ("guardduty", ["TTPs/Discovery/Recon:IAMUser-UserPermissions"], "Recon:IAMUser/UserPermissions"),
    ("guardduty", ["Threats", "Recon:EC2/PortProbeUnprotectedPort"], "Recon:EC2/PortProbeUnprotectedPort"),
    ("guardduty", ["Effects/Backdoor:EC2-C&CActivity.B!DNS"], "Backdoor:EC2/C&CActivity.B!DNS"),
    (
        "macie",
        ["Sensitive Data Identifications/PII/SensitiveData:S3Object-Personal"],
        "SensitiveData:S3Object/Personal",
    ),
    ("inspector", ["Software and Configuration Checks/Vulnerabilities/CVE"], "PACKAGE_VULNERABILITY"),
    ("guardduty", ["Threats"], None),
]


@pytest.mark.parametrize(("origin", "types", "expected"), NATIVE)
def test_the_native_type_is_read_out_of_a_taxonomy_path(origin, types, expected):
    assert native_type(Origin(origin), types) == expected


SEVERITIES = [
    (of_asff, {"FindingProviderFields": {"Severity": {"Label": "HIGH"}}, "Severity": {"Label": "LOW"}}, 70),
    (of_asff, {"FindingProviderFields": {"Severity": {"Label": "HIGH", "Original": "8.5"}}}, 85),
    (of_asff, {"FindingProviderFields": {"Severity": {"Label": "HIGH", "Original": "1"}}}, 70),
    (of_asff, {"Severity": {"Normalized": 50, "Product": 5}}, 50),
    (of_asff, {}, 40),
    (of_ocsf, {"vendor_attributes": {"severity_id": 5}, "severity_id": 1}, 90),
    (of_ocsf, {"severity_id": 99}, 40),
    (of_macie, {"score": 3, "description": "High"}, 70),
    (of_macie, {"score": 1}, 1),
    (of_ten, 5.3, 53),
    (of_ten, None, 40),
]


@pytest.mark.parametrize(("scale", "value", "expected"), SEVERITIES)
def test_severity_is_the_providers_own_on_one_scale(scale, value, expected):
    assert scale(Node(value)) == expected


MOMENTS = [
    ("2026-11-20T10:00:00.000Z", datetime(2026, 11, 20, 10, tzinfo=UTC)),
    ("2026-11-20 10:00:00.123000+00:00", datetime(2026, 11, 20, 10, 0, 0, 123000, tzinfo=UTC)),
    ("2024-11-15T21:39:26.337224100Z", datetime(2024, 11, 15, 21, 39, 26, 337224, tzinfo=UTC)),
    ("Wed Sep 04 16:59:44.356 UTC 2024", datetime(2024, 9, 4, 16, 59, 44, 356000, tzinfo=UTC)),
    ("Thu, 1 Nov 2018 22:00:00 GMT", datetime(2018, 11, 1, 22, tzinfo=UTC)),
    ("2026-11-20T12:00:00+02:00", datetime(2026, 11, 20, 10, tzinfo=UTC)),
    (1795168800000, datetime(2026, 11, 20, 10, tzinfo=UTC)),
    (1795168800, datetime(2026, 11, 20, 10, tzinfo=UTC)),
    ("yesterday", None),
    ("0001-01-01T00:00:00+10:00", None),
    (10**400, None),
    (True, None),
    (float("nan"), None),
]


@pytest.mark.parametrize(("value", "expected"), MOMENTS)
def test_moments_are_read_in_every_dialect_that_was_seen(value, expected):
    assert moment(value) == expected


PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")


@pytest.mark.parametrize("partition", PARTITIONS)
def test_where_no_arn_says_the_partition_the_region_does(partition):
    regions = botocore.session.Session().get_available_regions("ec2", partition)
    places = [Place(account="111122223333", region=region, partition=partition_of(None)) for region in regions]
    assert {place.partition for place in places} == {partition}


def test_an_arn_says_more_of_the_partition_than_the_region():
    arn = Arn.parse("arn:aws-cn:s3:::example")
    assert Place(account="111122223333", region="aws-global", partition=partition_of(arn)).partition == "aws-cn"
