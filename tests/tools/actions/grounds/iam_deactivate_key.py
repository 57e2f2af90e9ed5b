"""A user with two keys and another user with one."""

from typing import Any

from botocore.exceptions import ClientError

from agent.plan import Change
from agent.target import GLOBAL, Target, TargetKind
from grounds import ACCOUNT, REGION, Ground, plain
from tools.sandbox.engine import Sandbox
from tools.sandbox.seed import secret_for

_KEY, _SIBLING, _OTHER = "AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE", "AKIAJ55QH8DHBEXAMPLE"
_READER = """{ reader: { Version: "2012-10-17", Statement: [ { Effect: Allow, Action: "s3:*", Resource: "*" } ] } }"""
_WORLD = f"""
now: 2026-11-20T12:00:00Z
account: {ACCOUNT}
region: {REGION}
iam:
  users:
    - name: ana
      policies: {_READER}
      keys:
        - {{ id: {_KEY}, last_used: {{ at: -2h, service: s3, region: us-east-1 }} }}
        - {{ id: {_SIBLING} }}
    - name: ben
      policies: {_READER}
      keys: [ {{ id: {_OTHER}, status: Inactive }} ]
"""


def works(sandbox: Sandbox, key: str) -> bool:
    """Whether a call signed with the key is answered."""
    try:
        sandbox.client("s3", REGION, access_key=key, secret=secret_for(key)).list_buckets()
    except ClientError:
        return False
    return True


def _look(sandbox: Sandbox) -> Any:
    iam = sandbox.client("iam", ACCOUNT, REGION)
    return [plain(iam.list_access_keys(UserName=user)) for user in ("ana", "ben")]


def _delete(sandbox: Sandbox, change: Change) -> None:
    sandbox.client("iam", ACCOUNT, REGION).delete_access_key(UserName=change.target.owner, AccessKeyId=change.target.id)


def _key(key: str, owner: str) -> Target:
    return Target(kind=TargetKind.ACCESS_KEY, id=key, account=ACCOUNT, region=GLOBAL, owner=owner)


GROUNDS = [
    Ground(
        name="active",
        failing=True,
        world=_WORLD,
        target=_key(_KEY, "ana"),
        look=_look,
        drift=_delete,
        sibling=lambda sandbox: works(sandbox, _SIBLING),
        attacker=lambda sandbox: works(sandbox, _KEY),
    ),
    Ground(
        name="inactive_already",
        world=_WORLD,
        target=_key(_OTHER, "ben"),
        look=_look,
        drift=_delete,
        sibling=lambda sandbox: works(sandbox, _SIBLING),
    ),
]
