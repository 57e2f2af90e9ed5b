"""IAM as it is enforced: inactive keys, conditions, signatures of bodyless requests, quotas."""

from datetime import UTC
from typing import Any

from tools.sandbox import clock
from tools.sandbox.mechanism import patch
from tools.sandbox.policy import Effect, evaluate

_ACCESS = "moto.iam.access_control"
_USER_INLINE_LIMIT = 2048
"""Characters, white space not counted, of all inline policies of a user together."""
_ROLE_INLINE_LIMIT = 10240


@patch(_ACCESS, "IAMUserAccessKey.__init__", source="0757c458fe47", why="moto accepts an inactive key")
def _inactive_key(original: Any) -> Any:
    def init(self: Any, account_id: str, partition: str, access_key_id: str, headers: Any) -> None:
        from moto.iam.access_control import CreateAccessKeyFailure

        original(self, account_id, partition, access_key_id, headers)
        if self.backend.access_keys[access_key_id].status != "Active":
            raise CreateAccessKeyFailure(reason="InvalidId")

    return init


@patch(
    _ACCESS,
    "IAMRequestBase._create_aws_request",
    source="c2d33c3aeded",
    why="moto signs headers as the body of a GET, and refuses it",
)
def _bodyless(original: Any) -> Any:
    def create(self: Any) -> Any:
        if self._body or self._method not in ("GET", "HEAD", "DELETE"):
            return original(self)
        kept, self._data = self._data, b""
        try:
            return original(self)
        finally:
            self._data = kept

    return create


@patch(
    _ACCESS,
    "IAMRequestBase.check_action_permitted",
    source="c4cad2131aee",
    why="moto takes every condition as met, and has no issue time",
)
def _conditions(original: Any) -> Any:
    def check(self: Any, resource: str) -> None:
        if self._action == "sts:GetCallerIdentity":
            return
        # trust policies are moto's: a role that is being assumed has both
        said = {evaluate(document, self._action, resource, _context(self)) for document in _documents(self)}
        if Effect.DENY in said or Effect.ALLOW not in said:
            self._raise_access_denied()
        if self._is_assuming_role_operation(resource) and not self._check_role_trust_relationship(resource):
            self._raise_access_denied()

    return check


def _documents(request: Any) -> list[Any]:
    from moto.iam.access_control import IAMPolicy

    return [IAMPolicy(policy)._policy_json for policy in request._access_key.collect_policies()]


def _context(request: Any) -> dict[str, str]:
    context = {
        "aws:securetransport": "true",
        "aws:currenttime": clock.now().isoformat(),
        "aws:requestedregion": request._region,
        "aws:principalarn": request._access_key.arn,
        "aws:principalaccount": request.account_id,
        "aws:sourceip": request._headers.get("X-Forwarded-For", "192.0.2.10"),
    }
    context |= _who(request._access_key)
    issued = _issued(request)
    if issued is not None:
        context["aws:tokenissuetime"] = issued
    return context


def _who(key: Any) -> dict[str, str]:
    """The unique id that policies know a principal by: a role's with the session's name, or a user's."""
    if hasattr(key, "_owner_user_name"):
        user = key.backend.get_user(key._owner_user_name)
        return {"aws:userid": user.id, "aws:username": user.name, "aws:principaltype": "User"}
    role = key.backend.get_role(key._owner_role_name)
    return {"aws:userid": f"{role.id}:{key._session_name}", "aws:principaltype": "AssumedRole"}


def _issued(request: Any) -> str | None:
    """When the session's token was issued. None for a long-term key, which has no such time."""
    key = request._access_key
    kept = key.backend.access_keys.get(key._access_key_id)
    if kept is None or not kept.access_key_id.startswith("ASIA"):
        return None
    return str(kept.create_date.replace(tzinfo=UTC).isoformat())


@patch(
    "moto.iam.models",
    "IAMBackend.put_user_policy",
    source="fec259ac4092",
    why="moto has no quota for a user's inline policies",
)
def _inline_quota(original: Any) -> Any:
    def put(self: Any, user_name: str, policy_name: str, policy_json: str) -> None:
        from moto.iam.exceptions import LimitExceededException

        others = {name: text for name, text in self.get_user(user_name).policies.items() if name != policy_name}
        if sum(len("".join(text.split())) for text in (*others.values(), policy_json)) > _USER_INLINE_LIMIT:
            raise LimitExceededException(
                f"Maximum policy size of {_USER_INLINE_LIMIT} bytes exceeded for user {user_name}"
            )
        original(self, user_name, policy_name, policy_json)

    return put


@patch(
    "moto.iam.responses",
    "IamResponse.update_access_key",
    source="7a11ad46ec25",
    why="a role session must say whose key it is",
)
def _whose_key(original: Any) -> Any:
    def update(self: Any) -> Any:
        from moto.iam.exceptions import ValidationError

        if not self._get_param("UserName") and self.access_key.startswith("ASIA"):
            raise ValidationError("Must specify userName when calling with non-User credentials")
        return original(self)

    return update


@patch(
    "moto.iam.models",
    "IAMBackend.get_all_access_keys_for_all_users",
    source="1d1c321856cd",
    why="an account sees only its own keys",
)
def _own_keys(original: Any) -> Any:
    def own(self: Any) -> list[Any]:
        return [key for user in self.users for key in self.list_access_keys(user)]

    return own


@patch(
    "moto.iam.models",
    "IAMBackend.update_user",
    source="7c7b738495ae",
    why="moto's keys keep the name of a user that is renamed",
)
def _keys_go_along(original: Any) -> Any:
    def update(self: Any, user_name: str, *args: Any, **named: Any) -> None:
        original(self, user_name, *args, **named)
        for name, user in self.users.items():
            for key in user.access_keys:
                key.user_name = name

    return update


def _of_its_owner(original: Any) -> Any:
    def change(self: Any, role_name: str, *args: Any) -> None:
        from moto.iam.exceptions import IAMException

        path = self.get_role(role_name).path
        if path.startswith(("/aws-service-role/", "/aws-reserved/")):
            raise IAMException(
                "UnmodifiableEntity",
                f"Cannot perform the operation on the protected role '{role_name}' - this role is only modifiable by AWS",
            )
        original(self, role_name, *args)

    return change


def _role_quota(original: Any) -> Any:
    def put(self: Any, role_name: str, policy_name: str, policy_json: str) -> None:
        from moto.iam.exceptions import LimitExceededException

        others = {name: text for name, text in self.get_role(role_name).policies.items() if name != policy_name}
        if sum(len("".join(text.split())) for text in (*others.values(), policy_json)) > _ROLE_INLINE_LIMIT:
            raise LimitExceededException(
                f"Maximum policy size of {_ROLE_INLINE_LIMIT} bytes exceeded for role {role_name}"
            )
        original(self, role_name, policy_name, policy_json)

    return put


patch(
    "moto.iam.models",
    "IAMBackend.put_role_policy",
    source="646445273c90",
    why="moto changes AWS's own roles, and has no quota for a role's inline policies",
)(lambda original: _of_its_owner(_role_quota(original)))
patch("moto.iam.models", "IAMBackend.delete_role_policy", source="38fddf1337a3", why="moto changes AWS's own roles")(
    _of_its_owner
)
