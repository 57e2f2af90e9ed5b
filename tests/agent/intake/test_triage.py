"""Which well-formed findings are not worked, and why."""

from datetime import datetime, timedelta

import pytest

from agent.finding import Lifecycle
from agent.intake.triage import triage
from agent.record import Record

NAME = "stanch"


class Screen(Record):
    """The settings of a triage."""

    served: dict[str, list[str]] | None = None
    minimum_severity: int = 0
    samples_are_real: bool = False
    since: datetime | None = None
    sent: bool = False


def screened(finding, **settings):
    screen = Screen(**settings)
    return triage(
        finding,
        served=screen.served,
        minimum_severity=screen.minimum_severity,
        samples_are_real=screen.samples_are_real,
        our_name=NAME,
        since=screen.since,
        sent=screen.sent,
    )


@pytest.fixture
def finding(example, read):
    return read(example("securityhub_s3_public"))[0]


LIVES = {
    "sample": Lifecycle(sample=True),
    "archived": Lifecycle(archived=True),
    "suppressed": Lifecycle(workflow="suppressed"),
    "resolved": Lifecycle(workflow="resolved"),
    "passed": Lifecycle(compliance="passed"),
    "echo": Lifecycle(note_by=NAME),
}


@pytest.mark.parametrize("reason", LIVES)
def test_what_is_settled_or_not_real_is_skipped_with_its_reason(reason, finding):
    refusal = screened(finding.model_copy(update={"lifecycle": LIVES[reason]}))
    assert (refusal.reason, refusal.status) == (reason, "skipped")


@pytest.mark.parametrize("reason", LIVES)
def test_a_person_who_sends_a_finding_overrules_what_people_set_and_not_what_its_service_says(reason, finding):
    refusal = screened(finding.model_copy(update={"lifecycle": LIVES[reason]}), sent=True)
    overruled = reason in ("suppressed", "resolved", "echo")
    assert (refusal and refusal.reason) == (None if overruled else reason)


def test_what_a_person_sends_is_never_old_and_still_only_of_our_accounts_and_at_least_of_the_floor(finding):
    assert screened(finding, since=datetime.fromisoformat("2036-01-01T00:00:00Z"), sent=True) is None
    assert screened(finding, served={"444455556666": []}, sent=True).reason == "account_not_served"
    assert screened(finding, minimum_severity=100, sent=True).reason == "below_severity"
    forged = finding.model_copy(
        update={"product_arn": "arn:aws:securityhub:eu-west-1:111122223333:product/111122223333/default"}
    )
    assert screened(forged, sent=True).reason == "forged_product"


@pytest.mark.parametrize("life", [Lifecycle(), Lifecycle(workflow="notified", compliance="failed", note_by="jsmith")])
def test_what_is_open_is_worked(life, finding):
    assert screened(finding.model_copy(update={"lifecycle": life})) is None


@pytest.mark.parametrize(("hours", "reason"), [(1, "old"), (0, None), (-1, None)])
def test_what_showed_its_last_sign_of_life_before_the_moment_is_old(hours, reason, finding):
    moment = max(finding.last_seen, datetime.fromisoformat(finding.version)) + timedelta(hours=hours)
    refusal = screened(finding, since=moment)
    assert (refusal and refusal.reason) == reason
    if refusal:
        assert refusal.status == "skipped"
        assert refusal.detail.startswith("last seen 2026-")


def test_a_finding_that_says_of_no_moment_when_it_was_is_new(finding):
    timeless = finding.model_copy(update={"last_seen": None, "version": "unversioned"})
    assert screened(timeless, since=datetime.fromisoformat("2036-01-01T00:00:00Z")) is None


def test_a_sample_counts_only_where_samples_are_real(example, read):
    [sample] = read(example("guardduty_sample"))
    assert screened(sample).reason == "sample"
    assert screened(sample, samples_are_real=True) is None


SAMPLES = {
    "a flag": {"sample": True},
    "JSON in a string": {"type": "default", "value": '{"sample":true}'},
    "all of it a string": '{"sample": true}',
}


@pytest.mark.parametrize("info", SAMPLES.values(), ids=SAMPLES)
def test_a_guardduty_sample_is_known_by_its_additional_information(info, example, read):
    event = example("guardduty_credential_abuse")
    event["detail"]["service"]["additionalInfo"] = info
    [finding] = read(event)
    assert finding.lifecycle.sample


def test_names_that_look_like_a_sample_do_not_make_one(example, read):
    event = example("guardduty_credential_abuse")
    event["detail"]["resource"]["accessKeyDetails"]["userName"] = "GeneratedFindingUserName"
    [finding] = read(event)
    assert not finding.lifecycle.sample


PRODUCTS = {
    "arn:aws:securityhub:eu-west-1:111122223333:product/111122223333/default": "forged_product",
    "arn:aws:securityhub:eu-west-1:111122223333:product/aws/guardduty": "forged_product",
    "arn:aws:securityhub:eu-west-1::product/111122223333/default": "forged_product",
    "arn:aws:securityhub:eu-west-1::product/example/scanner": "not_aws",
    "arn:aws:securityhub:eu-west-1::product/aws/guardduty/../default": "not_aws",
    "prowler": "not_aws",
}


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_product_that_is_not_of_aws_parses_and_is_then_refused(product, example, read):
    event = example("securityhub_s3_public")
    event["detail"]["findings"][0]["ProductArn"] = product
    [finding] = read(event)
    refusal = screened(finding)
    assert (finding.origin, refusal.reason, refusal.status) == ("third_party", PRODUCTS[product], "refused")


def test_an_account_outside_the_registry_is_not_served(finding):
    assert screened(finding, served={"444455556666": []}).reason == "account_not_served"
    assert screened(finding, served={"111122223333": []}) is None


REGIONS = {(): None, ("us-east-1",): "region_not_served", ("us-east-1", "eu-west-1"): None}


@pytest.mark.parametrize("regions", REGIONS)
def test_a_region_that_the_registry_does_not_have_is_not_served(regions, finding):
    refusal = screened(finding, served={finding.account: list(regions)})
    assert (finding.region, refusal.reason if refusal else None) == ("eu-west-1", REGIONS[regions])


@pytest.mark.parametrize(("floor", "reason"), [(70, None), (71, "below_severity")])
def test_severity_has_a_floor(floor, reason, finding):
    refusal = screened(finding, minimum_severity=floor)
    assert (refusal.reason if refusal else None) == reason


NOTES = {
    "written after the last change": ("2026-11-20T10:30:00Z", "echo"),
    "older than the last change": ("2026-11-20T09:00:00Z", None),
}


@pytest.mark.parametrize("name", NOTES)
def test_our_own_note_makes_an_echo_until_the_service_changes_the_finding(name, example, read):
    at, reason = NOTES[name]
    event = example("securityhub_s3_public")
    event["detail"]["findings"][0]["Note"] = {"Text": "Contained.", "UpdatedBy": NAME, "UpdatedAt": at}
    [finding] = read(event)
    refusal = screened(finding)
    assert (refusal.reason if refusal else None) == reason


def test_a_finding_whose_only_resource_is_of_another_account_is_refused_with_its_place(example, read):
    event = example("securityhub_s3_public")
    event["detail"]["findings"][0]["Resources"] = [
        {"Type": "AwsEc2Instance", "Id": "arn:aws:ec2:eu-west-1:444455556666:instance/i-0abc1234def567890"}
    ]
    refusal = screened(read(event)[0])
    assert (refusal.reason, refusal.where) == ("foreign_resource", "detail.findings[0].Resources[0].Id")
    assert "444455556666" in refusal.detail
    assert "111122223333" in refusal.detail


def test_what_is_not_ours_is_said_before_what_is_settled(finding):
    forged = "arn:aws:securityhub:eu-west-1:111122223333:product/111122223333/default"
    both = finding.model_copy(update={"product_arn": forged, "lifecycle": Lifecycle(sample=True, archived=True)})
    assert screened(both).reason == "forged_product"
