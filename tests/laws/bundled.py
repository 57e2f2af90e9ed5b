"""The bundled cases, each with the desk that its world makes."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from desk import Desk, desk
from standing import addresses, instances

from agent.verdict import Mode
from evals.expect import Expectation
from evals.loading import load
from graphs.service import Model
from tools.sandbox.engine import Sandbox
from tools.sandbox.from_finding import world_for

CASES = Path(__file__).parents[2] / "evals" / "cases"


@dataclass(frozen=True)
class Bundled:
    """One case, and the text of its world."""

    name: str
    body: Any
    world: str
    expect: Expectation

    def desk(self, folder: Path, mode: Mode, model: Model | None = None, **settings: Any) -> Desk:
        """A new world of the case."""
        folder.mkdir(exist_ok=True)
        settings = {"samples_are_real": self.expect.samples_as_real, **settings}
        return desk(folder, self.world, self.body, mode, model=model, **settings)


@cache
def bundled() -> tuple[Bundled, ...]:
    """Every case. One that cannot be loaded fails whoever asks."""
    made = []
    for item in load([CASES]):
        assert item.problem is None, f"{item.id}: {item.problem}"
        assert item.expect is not None, f"{item.id} expects nothing"
        text = item.world.read_text(encoding="utf-8") if item.world else world_for(item.event).model_dump_json()
        made.append(Bundled(item.id, item.event, text, item.expect))
    return tuple(made)


def look(sandbox: Sandbox, account: str) -> dict[str, Any]:
    """What AWS's public API answers of all that an action is about in an account, by its kind and id."""
    return {**_users(sandbox, account), **_roles(sandbox, account), **_buckets(sandbox, account)}


LEFT_BEHIND = ("snapshots", "cut")
"""What undo leaves of an instance on purpose: copies of its disks, and that its connections were cut."""


def given_back(world: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    """The world without what undo leaves on purpose."""
    return {
        name: {key: each for key, each in said.items() if key not in LEFT_BEHIND} if isinstance(said, dict) else said
        for name, said in world.items()
    }


def everything(at: Desk) -> dict[tuple[str, str], Any]:
    """What AWS answers of everything in every account of the world."""
    worlds = [at.world, *at.world.accounts]
    seen = {(one.account, name): said for one in worlds for name, said in look(at.sandbox, one.account).items()}
    for one in worlds:
        if one.ec2.instances:
            found = instances(at.sandbox, one.account, one.region)
            seen |= {(one.account, name): said for name, said in found.items()}
        if one.wafv2.ip_sets:
            found = addresses(at.sandbox, one.account, one.region)
            seen |= {(one.account, name): said for name, said in found.items()}
    return seen


def _users(sandbox: Sandbox, account: str) -> dict[str, Any]:
    iam = sandbox.client("iam", account, "us-east-1")
    found: dict[str, Any] = {}
    for user in iam.list_users()["Users"]:
        named = {"UserName": user["UserName"]}
        inline = iam.list_user_policies(**named)["PolicyNames"]
        found[f"user {user['UserName']}"] = {
            "inline": {p: iam.get_user_policy(**named, PolicyName=p)["PolicyDocument"] for p in inline},
            "attached": iam.list_attached_user_policies(**named)["AttachedPolicies"],
            "tags": iam.list_user_tags(**named)["Tags"],
        }
        keys = iam.list_access_keys(**named)["AccessKeyMetadata"]
        found |= {f"access_key {key['AccessKeyId']}": key["Status"] for key in keys}
    return found


ONE = "StanchDeny-"
"""A policy of such a name denies one instance's sessions, and is told of with the instance."""


def _roles(sandbox: Sandbox, account: str) -> dict[str, Any]:
    iam = sandbox.client("iam", account, "us-east-1")
    return {
        f"role {role['RoleName']}": [
            json.dumps(role["AssumeRolePolicyDocument"], sort_keys=True),
            [
                name
                for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
                if not name.startswith(ONE)
            ],
            iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"],
        ]
        for role in iam.list_roles()["Roles"]
    }


def _buckets(sandbox: Sandbox, account: str) -> dict[str, Any]:
    s3 = sandbox.client("s3", account, "us-east-1")
    reads = (s3.get_public_access_block, s3.get_bucket_policy, s3.get_bucket_acl, s3.get_bucket_website)
    return {
        f"bucket {bucket['Name']}": [_answer(read, bucket["Name"]) for read in reads]
        for bucket in s3.list_buckets()["Buckets"]
    }


def _answer(read: Any, bucket: str) -> str:
    try:
        answer = read(Bucket=bucket)
    except read.__self__.exceptions.ClientError as error:
        return str(error.response["Error"]["Code"])
    return json.dumps({name: value for name, value in answer.items() if name != "ResponseMetadata"}, sort_keys=True)
