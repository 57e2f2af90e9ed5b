"""Two users who may do the same, one of whom is attacked."""

from typing import Any

from botocore.exceptions import ClientError

from agent.plan import Change
from agent.target import GLOBAL, Target, TargetKind
from grounds import ACCOUNT, REGION, Ground, plain
from tools.sandbox.engine import Sandbox
from tools.sandbox.seed import secret_for

_KEY, _SIBLING = "AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE"
_READER = """{ reader: { Version: "2012-10-17", Statement: [ { Effect: Allow, Action: "s3:*", Resource: "*" } ] } }"""
_WORLD = f"""
now: 2026-11-20T12:00:00Z
account: {ACCOUNT}
region: {REGION}
iam:
  users:
    - {{ name: ana, policies: {_READER}, console_password: true, keys: [ {{ id: {_KEY} }} ] }}
    - {{ name: ben, policies: {_READER}, keys: [ {{ id: {_SIBLING} }} ] }}
"""


def _works(sandbox: Sandbox, key: str) -> bool:
    try:
        sandbox.client("s3", REGION, access_key=key, secret=secret_for(key)).list_buckets()
    except ClientError:
        return False
    return True


def _look(sandbox: Sandbox) -> Any:
    iam = sandbox.client("iam", ACCOUNT, REGION)
    names = {user: iam.list_user_policies(UserName=user)["PolicyNames"] for user in ("ana", "ben")}
    return {
        user: [plain(iam.get_user_policy(UserName=user, PolicyName=name)) for name in listed]
        for user, listed in names.items()
    }


def _rewrite(sandbox: Sandbox, change: Change) -> None:
    other = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:*","Resource":"*"}]}'
    sandbox.client("iam", ACCOUNT, REGION).put_user_policy(
        UserName=change.target.id, PolicyName=change.params["policy_name"], PolicyDocument=other
    )


GROUNDS = [
    Ground(
        name="user_with_key_and_password",
        failing=True,
        world=_WORLD,
        target=Target(kind=TargetKind.USER, id="ana", account=ACCOUNT, region=GLOBAL),
        look=_look,
        drift=_rewrite,
        sibling=lambda sandbox: _works(sandbox, _SIBLING),
        attacker=lambda sandbox: _works(sandbox, _KEY),
    )
]
