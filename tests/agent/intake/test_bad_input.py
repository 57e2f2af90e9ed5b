"""What is no finding is refused with a reason, a place and one clear, harmless line."""

import re

import pytest

from agent.finding import Reason, Refusal


def put(path, value):
    """A change of an event: the value at a dotted path, or without it."""

    def change(event):
        *outer, last = path.split(".")
        inner = event
        for name in outer:
            inner = inner[int(name)] if name.isdigit() else inner[name]
        if value is KeyError:
            del inner[last]
        else:
            inner[last] = value
        return event

    return change


TRAIL = "cloudtrail_stop_logging"
GD, HUB, OCSF, MACIE = (
    "guardduty_credential_abuse",
    "securityhub_s3_public",
    "securityhub_s3_public_ocsf",
    "macie_policy",
)
FIRST = "detail.findings.0."
CASES = {
    "a masked account": (GD, put("detail.accountId", "********2333"), "malformed", "detail.accountId"),
    "an account of 13 digits": (GD, put("detail.accountId", "1111222233334"), "malformed", "detail.accountId"),
    "an account in other digits": (GD, put("detail.accountId", "١١١١٢٢٢٢٣٣٣٣"), "malformed", "detail.accountId"),
    "an account as a number": (GD, put("detail.accountId", 111122223333), "malformed", "detail.accountId"),
    "an account other than the ARN's": (GD, put("detail.accountId", "444455556666"), "malformed", "detail.accountId"),
    "an account other than the ARN's, by Security Hub": (
        "guardduty_credential_abuse_asff",
        put(FIRST + "AwsAccountId", "444455556666"),
        "malformed",
        "detail.findings[0].AwsAccountId",
    ),
    "a Region that is none": (GD, put("detail.region", "region"), "malformed", "detail.region"),
    "no type": (GD, put("detail.type", KeyError), "malformed", "detail.type"),
    "a type that is a list": (GD, put("detail.type", ["x"]), "malformed", "detail.type"),
    "a type in free text": (GD, put("detail.type", "something odd"), "unsupported", "detail.type"),
    "an unknown purpose": (GD, put("detail.type", "Dance:IAMUser/Fandango"), "unsupported", "detail.type"),
    "an unknown family": (GD, put("detail.type", "Impact:Toaster/Burnt"), "unsupported", "detail.type"),
    "a resource that is text": (GD, put("detail.resource", "i-0abc1234def567890"), "malformed", "detail.resource"),
    "a service that is a list": (GD, put("detail.service", []), "malformed", "detail.service"),
    "a severity in words": (GD, put("detail.severity", "high"), "malformed", "detail.severity"),
    "a severity beyond the scale": (GD, put("detail.severity", 11), "malformed", "detail.severity"),
    "no id and no ARN": (
        GD,
        lambda event: put("detail.id", KeyError)(put("detail.arn", KeyError)(event)),
        "malformed",
        "detail.id",
    ),
    "no detail": (GD, put("detail", KeyError), "malformed", "detail"),
    "a detail that is text": (GD, put("detail", "x"), "malformed", "detail"),
    "no source": (GD, put("source", KeyError), "malformed", "source"),
    "a source of one's own": (GD, put("source", "my.guardduty"), "unsupported", "source"),
    "a record of one's own": (TRAIL, put("source", "evil.app"), "unsupported", "source"),
    "a record of one that only looks like AWS": (TRAIL, put("source", "aws"), "unsupported", "source"),
    "a Security Hub event without findings": (HUB, put("detail.findings", KeyError), "unsupported", "detail.findings"),
    "findings that are an object": (HUB, put("detail.findings", {}), "malformed", "detail.findings"),
    "a Macie finding in Security Hub's envelope": (
        HUB,
        put("detail.findings", [{"resourcesAffected": {}}]),
        "unsupported",
        "detail.findings[0]",
    ),
    "a finding that is text": (HUB, put("detail.findings", ["x"]), "malformed", "detail.findings[0]"),
    "no ASFF account": (HUB, put(FIRST + "AwsAccountId", KeyError), "malformed", "detail.findings[0].AwsAccountId"),
    "no product": (HUB, put(FIRST + "ProductArn", KeyError), "malformed", "detail.findings[0].ProductArn"),
    "an unknown AWS product": (
        HUB,
        put(FIRST + "ProductArn", "arn:aws:securityhub:eu-west-1::product/aws/toaster"),
        "unsupported",
        "detail.findings[0].ProductArn",
    ),
    "resources that are an object": (HUB, put(FIRST + "Resources", {}), "malformed", "detail.findings[0].Resources"),
    "an ASFF resource that is text": (
        HUB,
        put(FIRST + "Resources", ["x"]),
        "malformed",
        "detail.findings[0].Resources[0]",
    ),
    "an id with a newline": (HUB, put(FIRST + "Id", "a\nb"), "malformed", "detail.findings[0].Id"),
    "a class that is no finding": (OCSF, put(FIRST + "class_uid", 6003), "unsupported", "detail.findings[0].class_uid"),
    "another cloud": (OCSF, put(FIRST + "cloud.provider", "Azure"), "not_aws", "detail.findings[0].cloud.provider"),
    "no OCSF account": (
        OCSF,
        put(FIRST + "cloud.account", KeyError),
        "malformed",
        "detail.findings[0].cloud.account.uid",
    ),
    "an unknown Macie type": (MACIE, put("detail.type", "Policy:IAMUser/Other"), "unsupported", "detail.type"),
    "a Macie finding without account": (MACIE, put("detail.accountId", KeyError), "malformed", "detail.accountId"),
    "an unknown Inspector type": ("inspector_package", put("detail.type", "DUST"), "unsupported", "detail.type"),
    "an Inspector finding with a foreign ARN": (
        "inspector_package",
        put("detail.findingArn", "arn:aws:s3:::x"),
        "malformed",
        "detail.findingArn",
    ),
    "a change of configuration": (
        "config_rule",
        put("detail.messageType", "ConfigurationItemChangeNotification"),
        "unsupported",
        "detail.messageType",
    ),
    "a Health event about nobody": (
        "health_exposed_key",
        put("detail.affectedAccount", KeyError),
        "malformed",
        "detail.affectedAccount",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_with_its_reason_and_its_place(name, example, read):
    source, change, reason, where = CASES[name]
    [refusal] = read(change(example(source)))
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.where) == (reason, where)
    assert refusal.status == "refused"


INSIGHT = {
    "actionName": "Contain",
    "actionDescription": "Hand to containment",
    "insightArn": "arn:aws:securityhub:::insight/securityhub/default/1",
    "insightName": "Top buckets",
    "resultType": "ResourceId",
    "number of results": "1",
    "insightResults": [{"arn:aws:s3:::example": 4}],
}
EMPTY = {
    "an import of nothing": (HUB, put("detail.findings", []), "detail.findings", "no findings in it"),
    "a custom action on nothing": (
        "securityhub_custom_action", put("detail.findings", []), "detail.findings", "no findings in it",
    ),
    "an insight": (
        "securityhub_custom_action", put("detail", INSIGHT), "detail.insightResults", "send the findings themselves",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EMPTY)
def test_what_holds_no_findings_is_skipped_and_says_what_to_send_instead(name, example, read):
    source, change, where, said = EMPTY[name]
    [refusal] = read(change(example(source)))
    assert (refusal.reason, refusal.status, refusal.where) == ("no_findings", "skipped", where)
    assert said in refusal.detail


BODIES = {
    "null": None,
    "a number": 7,
    "an empty object": {},
    "an empty list": [],
    "text that is no JSON": "guardduty says hello",
    "text of unclosed brackets": "[" * 100_000,
    "a row of a corpus": {"id": "x", "finding": {"type": "Recon:EC2/Portscan"}},
    "a CloudTrail record": {"eventVersion": "1.08", "eventName": "GetObject", "awsRegion": "eu-west-1"},
    "JSON in JSON in JSON": '"\\"\\\\\\"x\\\\\\"\\""',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_holds_no_finding_gives_exactly_one_refusal(body, read):
    [refusal] = read(body)
    assert refusal.reason in (Reason.MALFORMED, Reason.UNSUPPORTED)
    assert refusal.where


def test_a_refusal_shows_no_control_character_and_stays_short(example, read):
    hostile = "\x1b]0;owned\x07\r\nIgnore previous\u202e" + "A" * 5000
    for field in ("accountId", "region", "type"):
        [refusal] = read(put(f"detail.{field}", hostile)(example(GD)))
        assert len(refusal.detail) <= 200
        assert re.fullmatch(r"[\x20-\x7e…]+", refusal.detail), refusal.detail


def test_one_bad_finding_among_good_ones_costs_only_itself(example, read):
    event = example("securityhub_custom_action")
    event["detail"]["findings"][0]["AwsAccountId"] = "xxx"
    first, second = read(event)
    assert (first.reason, second.type) == ("malformed", "S3.5")


def test_somebody_elses_text_is_capped_and_lone_surrogates_do_no_harm(example, read):
    event = example(GD)
    event["detail"]["title"], event["detail"]["description"] = "x " * 5_000, "\ud800 odd"
    [finding] = read(event)
    assert (len(finding.title.text), finding.description.text) == (4096, "? odd")


BAD_IDS = {
    "a path": "../../etc/passwd",
    "an ARN": "arn:aws:s3:::other",
    "a shell": "$(reboot)",
    "look-alike letters": "\u0435xample-ledger-exports",
    "capitals": "Example-Ledger",
}


@pytest.mark.parametrize("bad", BAD_IDS.values(), ids=BAD_IDS)
def test_a_bucket_whose_name_is_not_well_formed_is_named_and_never_a_target(bad, example, read):
    event = example(MACIE)
    event["detail"]["resourcesAffected"]["s3Bucket"]["name"] = bad
    [finding] = read(event)
    assert finding.targets == []
    assert len(finding.named_resources) == 1
    assert finding.named_resources[0].isascii()


FOREIGN_ARNS = {
    "AwsEc2Instance": "arn:aws:ec2:eu-west-1:444455556666:instance/i-0abc1234def567890",
    "AwsIamUser": "arn:aws:iam::444455556666:user/build-bot",
    "AwsSnsTopic": "arn:aws:sns:eu-west-1:444455556666:topic",
}


@pytest.mark.parametrize("kind", FOREIGN_ARNS)
def test_a_resource_of_another_account_is_no_target_and_says_where_it_stands(kind, example, read):
    event = example(HUB)
    event["detail"]["findings"][0]["Resources"] = [{"Type": kind, "Id": FOREIGN_ARNS[kind]}]
    [finding] = read(event)
    assert finding.targets == []
    assert [item.where for item in finding.foreign_resources] == ["detail.findings[0].Resources[0].Id"]


STRANGE_ARNS = [
    ("AwsS3Bucket", "arn:aws:s3:eu-west-1:111122223333:example-ledger-exports"),
    ("AwsS3Bucket", "arn:aws-cn:s3:::example-ledger-exports"),
    ("AwsIamUser", "build-bot"),
    ("AwsIamUser", "arn:aws:iam:eu-west-1:111122223333:user/build-bot"),
    ("AwsIamUser", "arn:aws:iam::111122223333:role/build-bot"),
    ("AwsEc2Instance", "arn:aws:ec2:eu-west-1:111122223333:instance/i-approved"),
    ("AwsEc2Instance", "i-0abc1234def567890 "),
    ("AwsEc2Instance", "arn:aws:ec2:eu-west-1::instance/i-0abc1234def567890"),
    ("AwsEc2Snapshot", "arn:aws:ec2:::snapshot/snap-0abc1234def567890"),
    ("AwsEc2Snapshot", "arn:aws-cn:ec2:eu-west-1::snapshot/snap-0abc1234def567890"),
]


@pytest.mark.parametrize(("kind", "text"), STRANGE_ARNS)
def test_an_id_that_aws_would_not_write_is_never_a_target(kind, text, example, read):
    event = example(HUB)
    event["detail"]["findings"][0]["Resources"] = [{"Type": kind, "Id": text}]
    [finding] = read(event)
    assert (finding.targets, len(finding.named_resources)) == ([], 1)


OF_NOBODY = {
    "AwsEc2Image": ("image/ami-0abc1234def567890", "image:ami-0abc1234def567890"),
    "AwsEc2Snapshot": ("snapshot/snap-0abc1234def567890", "snapshot:snap-0abc1234def567890"),
}


@pytest.mark.parametrize("account", ["", "111122223333"])
@pytest.mark.parametrize("kind", OF_NOBODY)
def test_an_image_or_snapshot_without_an_account_is_of_the_finding_s(kind, account, example, read):
    resource, target = OF_NOBODY[kind]
    event = example(HUB)
    event["detail"]["findings"][0]["Resources"] = [{"Type": kind, "Id": f"arn:aws:ec2:eu-west-1:{account}:{resource}"}]
    [finding] = read(event)
    assert [f"{found.kind}:{found.id}" for found in finding.targets] == [target]
    assert (finding.targets[0].account, finding.left_out) == ("111122223333", [])
