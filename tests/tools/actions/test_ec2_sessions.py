"""The sessions of one instance are denied and nobody else's of that role; roles that are AWS's own are refused."""

import json
from typing import Any

import pytest
from grounds import ACCOUNT, REGION
from instance_scene import INSTANCE, ROLE, SIBLING, SPOT, Work, ec2, role_works, target

from agent.plan import Inapplicable
from agent.receipt import Drifted, Executed

ACTION = "iam_deny_instance_sessions"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def _iam(work: Work) -> Any:
    return work.sandbox.client("iam", ACCOUNT, REGION)


def _associated(work: Work) -> str:
    filters = [{"Name": "instance-id", "Values": [INSTANCE]}]
    found = ec2(work.sandbox).describe_iam_instance_profile_associations(Filters=filters)
    return str(found["IamInstanceProfileAssociations"][0]["AssociationId"])


def _give(work: Work, role: str, path: str = "/") -> None:
    """The instance gets a profile with another role."""
    iam = _iam(work)
    iam.create_role(RoleName=role, Path=path, AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName="other")
    iam.add_role_to_instance_profile(InstanceProfileName="other", RoleName=role)
    ec2(work.sandbox).disassociate_iam_instance_profile(AssociationId=_associated(work))
    ec2(work.sandbox).associate_iam_instance_profile(InstanceId=INSTANCE, IamInstanceProfile={"Name": "other"})


def test_the_denied_sessions_are_those_that_ec2_names_after_the_instance_now_and_later() -> None:
    work = Work.in_world()
    change = work.plan(ACTION)
    role_id = _iam(work).get_role(RoleName=ROLE)["Role"]["RoleId"]
    policy: Any = change.after["policy"]
    (statement,) = policy["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Deny", "*", "*")
    assert statement["Condition"] == {"StringLike": {"aws:userid": f"{role_id}:{INSTANCE}"}}


def test_two_instances_of_one_role_are_denied_by_a_policy_each_and_undone_by_itself() -> None:
    work = Work.in_world()
    first, second = work.plan(ACTION), work.plan(ACTION, target(SIBLING))
    work.done(first)
    assert role_works(work.sandbox, SIBLING)
    work.done(second)
    assert [role_works(work.sandbox, one) for one in (INSTANCE, SIBLING)] == [False, False]
    later = work.later()
    assert isinstance(later.undo(first), Executed)
    assert [role_works(later.sandbox, one) for one in (INSTANCE, SIBLING)] == [True, False]


def test_an_instance_without_a_profile_needs_no_change() -> None:
    work = Work.in_world()
    change = work.plan(ACTION, target(SPOT))
    assert (change.needed, change.before) == (False, {"policy": None})
    assert (work.done(change).outcome, work.verify(change).holds) == ("already", True)


@pytest.mark.parametrize(
    ("role", "path"),
    [
        ("AWSServiceRoleForExample", "/aws-service-role/example.amazonaws.com/"),
        ("AWSReservedSSO_Admin_0123456789abcdef", "/aws-reserved/sso.amazonaws.com/"),
    ],
)
def test_a_role_of_aws_s_own_is_not_supported(role: str, path: str) -> None:
    work = Work.in_world()
    _give(work, role, path)
    planned = work.planned(ACTION)
    assert isinstance(planned, Inapplicable)
    assert (planned.reason, role in planned.detail) == ("not_supported", True)


def test_a_role_that_is_only_called_like_one_of_aws_s_own_is_the_account_s() -> None:
    """An attacker who makes roles chooses their names; only AWS makes roles under its paths."""
    work, name = Work.in_world(), "AWSServiceRoleForNobody"
    _give(work, name, "/")
    assert work.plan(ACTION, target().model_copy(update={"owner": name})).needed


@pytest.mark.parametrize("seen", [None, "other-role"])
def test_a_role_that_the_evidence_did_not_name_is_left_alone(seen: str | None) -> None:
    """Only a name that was held against the registry is written to."""
    planned = Work.in_world().planned(ACTION, target().model_copy(update={"owner": seen}))
    assert isinstance(planned, Inapplicable)
    assert (planned.reason, ROLE in planned.detail) == ("read_failed", True)


def test_a_profile_that_was_made_again_under_the_name_tells_nothing_of_the_instance_s_role() -> None:
    work = Work.in_world()
    iam = _iam(work)
    iam.remove_role_from_instance_profile(InstanceProfileName="web-profile", RoleName=ROLE)
    iam.delete_instance_profile(InstanceProfileName="web-profile")
    gone = work.planned(ACTION)
    assert isinstance(gone, Inapplicable)
    iam.create_instance_profile(InstanceProfileName="web-profile")
    again = work.planned(ACTION)
    assert (again, gone.reason) == (gone, "not_supported")


def test_another_role_that_the_instance_got_meanwhile_is_not_called_contained() -> None:
    work = Work.in_world()
    change = work.plan(ACTION)
    work.done(change)
    _give(work, "other-role")
    seen = work.verify(change)
    assert (seen.holds, seen.detail) == (False, "the instance has another role now: other-role")
    assert isinstance(work.undo(change), Executed)


def test_a_role_that_was_made_again_under_the_name_is_not_touched() -> None:
    work = Work.in_world()
    change = work.plan(ACTION)
    changed = change.model_copy(update={"params": {**change.params, "role_id": "AROAJQABLZS4A3QDU576Q"}})
    done = work.execute(changed)
    assert isinstance(done, Drifted)
    assert "AnotherRoleOfThisName" in done.what


def test_somebody_else_s_policy_under_our_name_is_never_overwritten_and_stops_nothing() -> None:
    work = Work.in_world()
    name = work.plan(ACTION).params["policy_name"]
    theirs = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:*","Resource":"*"}]}'
    _iam(work).put_role_policy(RoleName=ROLE, PolicyName=name, PolicyDocument=theirs)
    assert work.execute(work.plan(ACTION)).outcome == "done"
    kept = _iam(work).get_role_policy(RoleName=ROLE, PolicyName=name)["PolicyDocument"]
    assert kept == json.loads(theirs)


def test_a_role_whose_inline_policies_are_full_is_not_supported() -> None:
    wide = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::" + "r" * 9_900}],
        }
    )
    work = Work.in_world()
    _iam(work).put_role_policy(RoleName=ROLE, PolicyName="wide", PolicyDocument=wide)
    planned = work.planned(ACTION)
    assert isinstance(planned, Inapplicable)
    assert planned.reason == "not_supported"


def test_a_second_run_finds_the_first_one_s_policy_and_is_the_same_effect() -> None:
    work = Work.in_world()
    first = work.plan(ACTION)
    work.done(first)
    second = work.plan(ACTION, run_id="r2")
    assert (second.needed, second.key) == (False, first.key)
