"""What each action will not plan, with the reason, and what it tells people before it acts."""

import json
from datetime import timedelta
from typing import Any

import pytest
from grounds import ACCOUNT, REGION

from agent.plan import Change, Inapplicable
from agent.receipt import Drifted, Executed
from agent.record import JsonObject
from agent.target import GLOBAL, Target, TargetKind
from tools.action import actions
from tools.actions import iam_deny_user, s3_block_public_access
from tools.aws import Aws, NotPermitted, Phase
from tools.policy_names import names_for
from tools.sandbox.engine import Sandbox
from tools.sandbox.faults import Fail, fail_calls
from tools.sandbox.seed import seed
from tools.sandbox.world import World

_KEY, _OTHER = "AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE"
_THEIRS = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"x:*","Resource":"*"}]}'
_WIDE = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "r" * 1900}]})
_PARTNER = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::partners/*", "Principal": principal}
            for principal in (
                {"AWS": ["arn:aws:iam::444455556666:root", "123456789012", f"arn:aws:iam::{ACCOUNT}:root"]},
                {"Service": "cloudfront.amazonaws.com"},
            )
        ],
    }
)
_WORLD = f"""
now: 2026-11-20T12:00:00Z
account: {ACCOUNT}
region: {REGION}
accounts: [ {{ account: "444455556666", s3: {{ buckets: [ {{ name: not-ours }} ] }} }} ]
iam:
  users:
    - name: ana
      console_password: true
      keys: [ {{ id: {_KEY}, last_used: {{ at: -2h, service: ec2, region: eu-west-1 }} }} ]
    - {{ name: ben, keys: [ {{ id: {_OTHER} }} ] }}
    - {{ name: sso, path: /aws-reserved/sso/ }}
    - {{ name: full, policies: {{ wide: {_WIDE} }} }}
s3:
  buckets:
    - {{ name: site, website: true }}
    - {{ name: partners, policy: {_PARTNER} }}
    - name: fronted
      policy: public_read
      distributions:
        - {{ id: E1SIGNSEXAMPLE }}
        - {{ id: E2OPENEXAMPLE, host: fronted.s3-website-{REGION}.amazonaws.com }}
        - {{ id: E3OTHEREXAMPLE, host: elsewhere.s3.amazonaws.com }}
      access_points: [ {{ name: own }} ]
    - name: tricky
      policy: public_read
      objects: [ {{ key: "../up.txt" }}, {{ key: "a b.txt" }}, {{ key: "<x>" }} ]
"""


@pytest.fixture
def sandbox() -> Sandbox:
    world = World.parse(_WORLD)
    made = Sandbox.fresh(3, world.now)
    seed(made, world)
    return made


def _aws(sandbox: Sandbox, action: str, phase: Phase) -> Aws:
    return Aws(
        sandbox.clients(), ACCOUNT, REGION, "aws", phase, actions()[action].CALLS,
        sleep=lambda seconds: None, now=sandbox.now,
    )  # fmt: skip


def _plan(sandbox: Sandbox, action: str, target: Target) -> Change | Inapplicable:
    return actions()[action].plan(_aws(sandbox, action, Phase.PLAN), target, {}, "r1")


def _target(kind: str, id_: str, owner: str | None = None, account: str = ACCOUNT, **more: str) -> Target:
    region = REGION if kind == "bucket" else GLOBAL
    return Target.model_validate(
        {"kind": TargetKind(kind), "id": id_, "account": account, "region": region, "owner": owner, **more}
    )


@pytest.mark.parametrize(
    ("reason", "action", "target"),
    [
        ("not_supported", "iam_deactivate_key", _target("access_key", "ASIAIOSFODNN7EXAMPLE", "ana")),
        ("unverified_target", "iam_deactivate_key", _target("access_key", _KEY)),
        ("gone", "iam_deactivate_key", _target("access_key", _KEY, "ben")),
        ("gone", "iam_deactivate_key", _target("access_key", "AKIAAAAAAAAAAEXAMPLE", "ana")),
        ("gone", "iam_deactivate_key", _target("access_key", _KEY, "nobody")),
        ("wrong_kind", "iam_deactivate_key", _target("user", "ana")),
        ("gone", "iam_deny_user", _target("user", "nobody")),
        ("not_supported", "iam_deny_user", _target("user", "sso")),
        ("not_supported", "iam_deny_user", _target("user", "full")),
        ("unverified_target", "iam_deny_user", _target("user", "ana", account="444455556666")),
        ("unverified_target", "iam_deny_user", _target("user", "ana", unique_id="AIDAIOSFODNN7EXAMPLE")),
        ("wrong_kind", "iam_deny_user", _target("access_key", _KEY, "ana")),
        ("gone", "s3_block_public_access", _target("bucket", "no-such-bucket")),
        ("not_supported", "s3_block_public_access", _target("bucket", "fast--use1-az4--x-s3")),
        ("wrong_kind", "s3_block_public_access", _target("user", "ana")),
        ("wrong_kind", "securityhub_update_finding", _target("user", "ana")),
    ],
    ids=lambda value: f"{value.kind}:{value.id}" if isinstance(value, Target) else str(value),
)
def test_a_target_that_an_action_does_not_take_is_refused_with_its_reason(
    sandbox: Sandbox, reason: str, action: str, target: Target
) -> None:
    planned = _plan(sandbox, action, target)
    assert isinstance(planned, Inapplicable)
    assert (planned.reason, planned.action, planned.target) == (reason, action, target)


def test_another_account_s_bucket_of_that_name_is_not_read_at_all(sandbox: Sandbox) -> None:
    with pytest.raises(NotPermitted):
        _plan(sandbox, "s3_block_public_access", _target("bucket", "not-ours"))


def _deny(sandbox: Sandbox) -> Change:
    planned = _plan(sandbox, "iam_deny_user", _target("user", "ana"))
    assert isinstance(planned, Change)
    return planned


def test_somebody_else_s_policy_under_our_name_is_never_overwritten_and_stops_nothing(sandbox: Sandbox) -> None:
    iam = sandbox.client("iam", ACCOUNT, REGION)
    first = _deny(sandbox).params["policy_name"]
    iam.put_user_policy(UserName="ana", PolicyName=first, PolicyDocument=_THEIRS)
    change = _deny(sandbox)
    assert change.params["policy_name"] != first
    assert iam_deny_user.execute(_aws(sandbox, "iam_deny_user", Phase.EXECUTE), change).outcome == "done"
    assert not _deny(sandbox).needed
    assert iam.get_user_policy(UserName="ana", PolicyName=first)["PolicyDocument"] == json.loads(_THEIRS)


def _squatted(sandbox: Sandbox) -> list[str]:
    """Every name that can be known beforehand, taken by the user itself; one of them in other letters."""
    iam = sandbox.client("iam", ACCOUNT, REGION)
    names = names_for(_target("user", "ana"))
    taken = [*names[:-1], names[-1].lower()]
    for name in taken:
        iam.put_user_policy(UserName="ana", PolicyName=name, PolicyDocument=_THEIRS)
    return taken


def test_who_takes_every_name_that_can_be_known_is_denied_under_another_which_undo_alone_takes_away(
    sandbox: Sandbox,
) -> None:
    iam = sandbox.client("iam", ACCOUNT, REGION)
    taken = _squatted(sandbox)
    change = _deny(sandbox)
    name = change.params["policy_name"]
    assert iam_deny_user.execute(_aws(sandbox, "iam_deny_user", Phase.EXECUTE), change).outcome == "done"
    assert set(iam.list_user_policies(UserName="ana")["PolicyNames"]) == {*taken, name}
    sandbox.clock.anchor += timedelta(minutes=5)
    second = _deny(sandbox)
    assert (second.needed, second.params["policy_name"], second.key) == (False, name, change.key)
    assert iam_deny_user.undo(_aws(sandbox, "iam_deny_user", Phase.UNDO), change).outcome == "done"
    assert set(iam.list_user_policies(UserName="ana")["PolicyNames"]) == set(taken)


def test_a_name_that_nobody_knows_stays_the_same_when_the_change_is_planned_again(sandbox: Sandbox) -> None:
    _squatted(sandbox)
    first = _deny(sandbox)
    sandbox.clock.anchor += timedelta(minutes=5)
    aws = _aws(sandbox, "iam_deny_user", Phase.PLAN)
    again = iam_deny_user.plan(aws, first.target, first.params, "r1")
    assert isinstance(again, Change)
    assert again.params == first.params
    assert _deny(sandbox).params != first.params


def test_a_second_run_finds_the_first_one_s_policy_and_undoing_the_second_leaves_it(sandbox: Sandbox) -> None:
    first = _deny(sandbox)
    iam_deny_user.execute(_aws(sandbox, "iam_deny_user", Phase.EXECUTE), first)
    second = _deny(sandbox)
    assert not second.needed
    assert second.key == first.key
    assert iam_deny_user.undo(_aws(sandbox, "iam_deny_user", Phase.UNDO), second) == Executed(outcome="already")
    assert not _deny(sandbox).needed


def test_a_user_who_was_made_again_under_the_same_name_is_not_touched(sandbox: Sandbox) -> None:
    change = _deny(sandbox)
    changed = change.model_copy(update={"params": {**change.params, "user_id": "AIDAJQABLZS4A3QDU576Q"}})
    done = iam_deny_user.execute(_aws(sandbox, "iam_deny_user", Phase.EXECUTE), changed)
    assert isinstance(done, Drifted)
    assert "AnotherUserOfThisName" in done.what


def _effects(planned: Change | Inapplicable) -> dict[str, int | None]:
    assert isinstance(planned, Change)
    return {effect.what: effect.count for effect in planned.blast_radius}


_NOBODY = {
    "Addresses that these calls came from.": 0,
    "Sessions that these calls opened and that may still go on.": 0,
}


def test_denying_a_user_says_which_keys_sign_ins_and_services_stop(sandbox: Sandbox) -> None:
    assert _effects(_deny(sandbox)) == {
        "Active access keys stop working.": 1,
        "Console sign-ins stop working.": 1,
        "An active key was last used with ec2 in eu-west-1 on 2026-11-20.": None,
        "Calls as this user in the last 7 days, in us-east-1 and eu-west-1.": 0,
        **_NOBODY,
    }


def test_deactivating_a_key_says_what_it_was_last_used_for(sandbox: Sandbox) -> None:
    used = _effects(_plan(sandbox, "iam_deactivate_key", _target("access_key", _KEY, "ana")))
    unused = _effects(_plan(sandbox, "iam_deactivate_key", _target("access_key", _OTHER, "ben")))
    assert used == {
        "This key was last used with ec2 in eu-west-1 on 2026-11-20.": None,
        "Calls with this key in the last 7 days, in us-east-1 and eu-west-1.": 0,
        **_NOBODY,
    }
    assert unused == {
        "This key was never used.": None,
        "Calls with this key in the last 7 days, in us-east-1.": 0,
        **_NOBODY,
    }


@pytest.mark.parametrize(
    ("expected", "bucket"),
    [
        ({"The website on the bucket stops answering.": 1}, "site"),
        (
            {
                "Other accounts that the policy names lose access, if the policy is public.": 2,
                "A CloudFront distribution reads the bucket: it goes on.": 1,
            },
            "partners",
        ),
        (
            {
                "CloudFront distributions read the bucket by an access control: they go on.": 1,
                "CloudFront distributions read the bucket by no access control: those stop that a public policy or ACL lets in.": 1,
                "Access points of the bucket: the block holds for public requests through them too.": 1,
            },
            "fronted",
        ),
        ({}, "tricky"),
    ],
)
def test_blocking_a_bucket_says_who_loses_it(sandbox: Sandbox, expected: JsonObject, bucket: str) -> None:
    assert _effects(_plan(sandbox, "s3_block_public_access", _target("bucket", bucket))) == expected


def test_who_reads_through_cloudfront_is_said_to_be_unknown_where_it_cannot_be_listed(sandbox: Sandbox) -> None:
    sandbox.faults.before.append(fail_calls("cloudfront:ListDistributions", Fail("AccessDenied", 403), 99))
    told = _effects(_plan(sandbox, "s3_block_public_access", _target("bucket", "fronted")))
    assert told == {"What stands before the bucket could not be read (AccessDenied).": None}


def test_an_object_key_that_could_be_a_trick_is_never_asked_for(sandbox: Sandbox) -> None:
    asked: list[Any] = []
    sandbox.faults.before.append(lambda call: asked.append(call.name))
    planned = _plan(sandbox, "s3_block_public_access", _target("bucket", "tricky"))
    assert isinstance(planned, Change)
    assert planned.notes["canary"] is None
    assert s3_block_public_access.LIST.name in asked
    assert s3_block_public_access.TRY.name not in asked
