"""Who can reach a bucket, worked out over every combination of its layers."""

from itertools import product
from typing import Any

import pytest

from agent.bucket_exposure import Block, Layers, acl_is_public, acl_takes_logs, exposure, policy_readers

MAYBE = (True, False, None)
ACCOUNT, OTHER = "111122223333", "444455556666"
GROUP = "http://acs.amazonaws.com/groups/"


def block(restrict: bool | None, ignore: bool | None) -> Block | None:
    if restrict is None or ignore is None:
        return None
    return Block.of({"RestrictPublicBuckets": restrict, "IgnorePublicAcls": ignore})


def certain(restrict: bool, ignore: bool, of_account: bool, policy: bool, acl: bool, off: bool) -> bool:
    """Independently: what S3 does when everything is known."""
    on_account, on_bucket = (block(restrict, ignore), block(False, False))[:: 1 if of_account else -1]
    layers = Layers(account=on_account, bucket=on_bucket, policy_public=policy, acl_public=acl, acls_off=off)
    found = exposure(layers)
    by_policy, by_acl = policy and not restrict, acl and not off and not ignore
    assert found.by == {(0, 0): "none", (1, 0): "policy", (0, 1): "acl", (1, 1): "policy_and_acl"}[by_policy, by_acl]
    return bool(found.public) is (by_policy or by_acl)


def test_with_every_layer_known_a_bucket_is_public_by_an_open_road_that_no_block_closes() -> None:
    assert all(certain(*layers) for layers in product((True, False), repeat=6))


def _completions(value: bool | None) -> tuple[bool, ...]:
    return (True, False) if value is None else (value,)


@pytest.mark.parametrize("acls_off", MAYBE)
def test_an_unknown_layer_leaves_public_unknown_exactly_if_it_could_decide(acls_off: bool | None) -> None:
    """Against every way of filling in what is unknown."""
    for restrict, ignore, policy, acl in product((True, False), (True, False), MAYBE, MAYBE):
        own = block(restrict, ignore)
        for account in (block(False, False), None):
            layers = Layers(account=account, bucket=own, policy_public=policy, acl_public=acl, acls_off=acls_off)
            accounts = [account] if account else [block(a, b) for a, b in product((True, False), repeat=2)]
            possible = {
                exposure(Layers(account=filled, bucket=own, policy_public=p, acl_public=a, acls_off=o)).public
                for filled, p, a, o in product(accounts, *map(_completions, (policy, acl, acls_off)))
            }
            assert exposure(layers).public is (possible.pop() if len(possible) == 1 else None)


@pytest.mark.parametrize("given", [None, {}, "x", {"BlockPublicAcls": "true"}, {"BlockPublicAcls": 1}])
def test_no_configuration_or_no_real_one_blocks_nothing(given: Any) -> None:
    assert not any(Block.of(given).flags.values())


@pytest.mark.parametrize(
    ("uri", "public", "logs"),
    [
        (f"{GROUP}global/AllUsers", True, False), (f"{GROUP}global/AuthenticatedUsers", True, False),
        (f"{GROUP}s3/LogDelivery", False, True), (None, False, False),
    ],
)  # fmt: skip
def test_an_acl_is_public_by_the_two_groups_that_anybody_is_in(uri: str | None, public: bool, logs: bool) -> None:
    grants: Any = [{"Grantee": {"Type": "CanonicalUser", "ID": "a"}}, {"Grantee": {"URI": uri}}, "x"]
    assert (acl_is_public(grants), acl_takes_logs(grants)) == (public, logs)


def test_readers_are_other_accounts_that_are_allowed_by_name_each_once() -> None:
    names = [f"arn:aws:iam::{OTHER}:root", OTHER, f"arn:aws:iam::{ACCOUNT}:root", "*", "AIDAEXAMPLEEXAMPLE00"]
    document: Any = {
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": names, "CanonicalUser": "abc"}},
            {"Effect": "Deny", "Principal": {"AWS": "999999999999"}},
        ]
    }
    found = policy_readers(document, ACCOUNT)
    assert found.cross_account == [OTHER, "abc"]
    assert not found.cloudfront
    assert not found.delivery


def test_an_origin_access_identity_says_nobody_s_account_so_it_is_an_unknown_reader() -> None:
    identity = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2EXAMPLE"
    document: Any = {"Statement": {"Effect": "Allow", "Principal": {"AWS": identity}}}
    found = policy_readers(document, ACCOUNT)
    assert (found.cloudfront, found.cross_account) == (False, ["cloudfront"])


def test_everyone_on_a_condition_is_an_unknown_reader_beside_the_own_distribution() -> None:
    own = {"StringEquals": {"AWS:SourceArn": f"arn:aws:cloudfront::{ACCOUNT}:distribution/EXAMPLE"}}
    document: Any = {
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "cloudfront.amazonaws.com"}, "Condition": own},
            {"Effect": "Allow", "Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalAccount": OTHER}}},
        ]
    }
    found = policy_readers(document, ACCOUNT)
    assert (found.cloudfront, found.cross_account) == (True, ["*"])


@pytest.mark.parametrize(
    ("condition", "own", "others"),
    [
        ({"StringEquals": {"AWS:SourceArn": f"arn:aws:cloudfront::{ACCOUNT}:distribution/EXAMPLE"}}, True, []),
        ({"ArnLike": {"aws:SourceArn": [f"arn:aws:cloudfront::{ACCOUNT}:distribution/*"]}}, True, []),
        ({"StringEquals": {"AWS:SourceArn": f"arn:aws:cloudfront::{OTHER}:distribution/EXAMPLE"}}, False, [OTHER]),
        ({"StringLike": {"AWS:SourceArn": "arn:aws:cloudfront::*:distribution/*"}}, False, ["*"]),
        ({"StringNotEquals": {"AWS:SourceArn": f"arn:aws:cloudfront::{ACCOUNT}:distribution/EXAMPLE"}}, False, ["*"]),
        (None, False, ["*"]),
    ],
)
def test_a_distribution_is_cloudfront_only_if_it_is_of_the_account_itself(
    condition: Any, own: bool, others: list[str]
) -> None:
    """A distribution of another account is a reader like any other, however much its policy looks like a website's."""
    named = {"Effect": "Allow", "Principal": {"Service": "cloudfront.amazonaws.com"}, "Condition": condition}
    found = policy_readers({"Statement": named}, ACCOUNT)
    assert (found.cloudfront, found.cross_account) == (own, others)
