"""Looking at things of a world through AWS's public API, to see afterwards whether anybody touched them."""

import json
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from tools.sandbox.engine import Sandbox
from tools.sandbox.faults import SandboxCall
from tools.sandbox.world import Content, World

_META = "ResponseMetadata"
Named = dict[str, str] | dict[str, list[str]]
"""Parameters that say what is meant."""
_OF_BUCKETS = ("get_public_access_block", "get_bucket_policy", "get_bucket_acl", "get_bucket_tagging")
_OF_ROLES = ("get_role", "list_role_policies", "list_attached_role_policies")
_OF_USERS = ("get_user", "list_access_keys", "list_user_policies", "list_attached_user_policies")


class Watch:
    """Looks at these ids before the first write of all leaves, and again when asked. Without a write there is nothing to see."""

    def __init__(self, sandbox: Sandbox, world: World, ids: list[str]) -> None:
        self._ids = ids
        self._look = partial(look, sandbox, world, ids)
        self._before: dict[str, str] | None = None
        self._lock = threading.Lock()
        sandbox.faults.before.append(self._leaves)

    def changed(self) -> list[str]:
        """Which of them AWS answers otherwise of now."""
        if self._before is None:
            return []
        now = self._look()
        return [name for name in self._ids if self._before.get(name) != now.get(name)]

    def _leaves(self, call: SandboxCall) -> None:
        if call.writes:
            with self._lock:
                self._before = self._look() if self._before is None else self._before


def look(sandbox: Sandbox, world: World, ids: list[str]) -> dict[str, str]:
    """What AWS answers now of each of these ids, as text to compare; what the world does not hold is left out."""
    seen: dict[str, list[str]] = {}
    for _, content in world.contents():
        account = getattr(content, "account", world.account)
        region = getattr(content, "region", None) or world.region
        eyes = _Eyes(sandbox, account, region, content)
        for name in ids:
            found = eyes.see(name)
            if found:
                seen.setdefault(name, []).extend(found)
    return {name: "\n".join(found) for name, found in seen.items()}


class _Eyes:
    """One account of a world, as its admin sees it."""

    def __init__(self, sandbox: Sandbox, account: str, region: str, content: Content) -> None:
        self._sandbox, self._account, self._region = sandbox, account, region
        self._users = {user.name: [key.id for key in user.keys] for user in content.iam.users}
        self._roles = [role.name for role in content.iam.roles]
        self._buckets = [bucket.name for bucket in content.s3.buckets]
        self._instances = [instance.id for instance in content.ec2.instances]
        self._lists = bool(content.wafv2.ip_sets)

    def see(self, name: str) -> list[str]:
        """Everything that is called so."""
        if name.startswith("eni-") and self._instances:
            return self._answers("ec2", ("describe_network_interfaces", {"NetworkInterfaceIds": [name]}))
        if name in self._instances:
            return self._instance(name)
        if name in self._buckets:
            return self._answers("s3", *((read, {"Bucket": name}) for read in _OF_BUCKETS))
        if name in self._roles:
            return self._answers("iam", *((read, {"RoleName": name}) for read in _OF_ROLES))
        if name in self._users:
            return self._answers("iam", *((read, {"UserName": name}) for read in _OF_USERS))
        owner = next((user for user, keys in self._users.items() if name in keys), None)
        if owner is not None:
            return [line for line in self._keys(owner) if name in line]
        return self._listed(name) if self._lists and _is_address(name) else []

    def _instance(self, name: str) -> list[str]:
        attributes = ("disableApiTermination", "disableApiStop", "instanceInitiatedShutdownBehavior")
        return self._answers(
            "ec2",
            ("describe_instances", {"InstanceIds": [name]}),
            *(("describe_instance_attribute", {"InstanceId": name, "Attribute": each}) for each in attributes),
        ) + self._answers("autoscaling", ("describe_auto_scaling_instances", {"InstanceIds": [name]}))

    def _keys(self, user: str) -> list[str]:
        answer = self._client("iam").list_access_keys(UserName=user)
        return [f"{key['AccessKeyId']} {key['Status']}" for key in answer["AccessKeyMetadata"]]

    def _listed(self, address: str) -> list[str]:
        """Every block list that holds the address, and whether it does."""
        found = []
        for scope, region in (("REGIONAL", self._region), ("CLOUDFRONT", "us-east-1")):
            waf = self._sandbox.client("wafv2", self._account, region)
            for one in waf.list_ip_sets(Scope=scope)["IPSets"]:
                held = waf.get_ip_set(Name=one["Name"], Scope=scope, Id=one["Id"])["IPSet"]["Addresses"]
                found.append(f"{one['ARN']} {sorted(entry for entry in held if entry.split('/')[0] == address)}")
        return found

    def _answers(self, service: str, *reads: tuple[str, Named]) -> list[str]:
        client = self._client(service)
        return [_answer(getattr(client, operation), params) for operation, params in reads]

    def _client(self, service: str) -> Any:
        return self._sandbox.client(service, self._account, self._region)


def _answer(read: Callable[..., Any], params: Named) -> str:
    """The answer without what differs from call to call; an error by its code."""
    try:
        answer = {name: value for name, value in read(**params).items() if name != _META}
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return json.dumps(answer, sort_keys=True, default=str)


def _is_address(name: str) -> bool:
    return name.replace(".", "").isdigit() or ":" in name
