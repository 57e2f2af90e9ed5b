"""What a finding says and we cannot read is left out, and the finding says so: what, where, and nothing that could act."""

import pytest
from test_bad_input import put

from agent.finding import Finding

GD, HUB, MACIE = "guardduty_credential_abuse", "securityhub_s3_public", "macie_policy"
KEY = "detail.resource.accessKeyDetails.accessKeyId"
CASES = {
    "a date that is none": (GD, put("detail.updatedAt", "2026-13-45T99:00:00Z"), "detail.updatedAt: not a date"),
    "a date that is an object": (
        GD,
        put("detail.createdAt", {"year": 2026}),
        "detail.createdAt: not a date: an object",
    ),
    "a date of a hub's finding": (
        HUB,
        put("detail.findings.0.UpdatedAt", "yesterday"),
        "detail.findings[0].UpdatedAt: not a date: 'yesterday'",
    ),
    "a key id in lower case": (GD, put(KEY, "akiaiosfodnn7example"), "access key: not a well-formed id"),
    "a bucket's name with a blank": (
        MACIE,
        put("detail.resourcesAffected.s3Bucket.name", "a b"),
        "bucket: not a well-",
    ),
    "a resource of the wrong form": (
        HUB,
        put("detail.findings.0.Resources.0.Id", "arn:aws:s3::111122223333:bucket/x"),
        "detail.findings[0].Resources[0].Id: not a well-formed id of its type and account",
    ),
    "an address beyond the scale": (
        GD,
        put("detail.service.action.awsApiCallAction.remoteIpDetails.ipAddressV4", "198.51.100.300"),
        "remote address: not an IP address: '198.51.100.300'",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_cannot_be_read_is_left_out_and_noted(name, example, read):
    source, change, note = CASES[name]
    (found,) = read(change(example(source)))
    assert isinstance(found, Finding)
    assert len(found.left_out) == 1, found.left_out
    assert found.left_out[0].startswith(note)


def test_a_key_that_is_none_is_no_target_and_its_user_stays_one(example, read):
    (found,) = read(put(KEY, "AKIA")(example(GD)))
    assert [target.id for target in found.targets] == ["build-bot"]


@pytest.mark.parametrize("name", ["guardduty_c2", "inspector_package", "cloudtrail_stop_logging", GD, HUB, MACIE])
def test_nothing_is_left_out_of_a_finding_as_its_service_writes_it(name, example, read):
    assert [found.left_out for found in read(example(name))] == [[]]


def test_notes_are_bounded_and_no_character_in_them_can_act(example, read):
    (found,) = read(put("detail.updatedAt", "\u202e\x1b[2J" * 500)(example(GD)))
    (note,) = found.left_out
    assert len(note) < 256
    assert note.isprintable()
    assert "\u202e" not in note
