"""Security groups: what is in use cannot be deleted, and revoking says what it revoked."""

from typing import Any

from tools.sandbox.mechanism import patch

_MODEL, _RESPONSE = "moto.ec2.models.security_groups", "moto.ec2.responses.security_groups"


@patch(
    _MODEL,
    "SecurityGroupBackend._delete_security_group",
    source="43616e6296ec",
    why="moto deletes a group that is in use",
)
def _delete(original: Any) -> Any:
    def delete(self: Any, vpc_id: str | None, group_id: str) -> None:
        from moto.ec2.exceptions import DependencyViolationError, EC2ClientError

        group = self.get_security_group_from_id(group_id)
        if group.is_default:
            raise EC2ClientError("CannotDelete", f'the specified group: "{group_id}" name: "default" cannot be deleted')
        used = any(group_id in [one.id for one in eni.group_set] for eni in self.enis.values())
        if used or any(referrer != group_id for referrer in _referrers(self, group_id)):
            raise DependencyViolationError(f"resource {group_id} has a dependent object")
        original(self, vpc_id, group_id)

    return delete


def _referrers(backend: Any, group_id: str) -> list[str]:
    return [
        group.id
        for groups in backend.groups.values()
        for group in groups.values()
        for rule in (*group.ingress_rules, *group.egress_rules)
        if (rule.source_group or {}).get("GroupId") == group_id
    ]


def _known_rules(kind: str) -> Any:
    def wrap(original: Any) -> Any:
        def revoke(self: Any, group_name_or_id: str, *args: Any, **more: Any) -> None:
            from moto.ec2.exceptions import InvalidSecurityGroupRuleIdNotFoundError

            group = self.get_security_group_by_name_or_id(group_name_or_id)
            known = {rule.id for rule in getattr(group, kind, ())}
            for rule_id in more.get("security_rule_ids") or ():
                if group is not None and rule_id not in known:
                    raise InvalidSecurityGroupRuleIdNotFoundError(rule_id)
            original(self, group_name_or_id, *args, **more)

        return revoke

    return wrap


def _said(kind: str) -> Any:
    def wrap(original: Any) -> Any:
        def revoke(self: Any) -> Any:
            named = self._get_param("GroupId") or self._get_param("GroupName")
            before = list(getattr(self.ec2_backend.get_security_group_by_name_or_id(named), kind, ()))
            answer = original(self)
            left = {rule.id for rule in getattr(self.ec2_backend.get_security_group_by_name_or_id(named), kind)}
            answer.result["RevokedSecurityGroupRules"] = [_rule(rule) for rule in before if rule.id not in left]
            return answer

        return revoke

    return wrap


def _rule(rule: Any) -> dict[str, Any]:
    told = {
        "SecurityGroupRuleId": rule.id,
        "GroupId": rule.group_id,
        "IsEgress": rule.is_egress,
        "IpProtocol": rule.ip_protocol,
        "FromPort": -1 if rule.from_port is None else rule.from_port,
        "ToPort": -1 if rule.to_port is None else rule.to_port,
        "CidrIpv4": rule.cidr_ipv4,
        "CidrIpv6": rule.cidr_ipv6,
        "ReferencedGroupId": (rule.source_group or {}).get("GroupId"),
    }
    return {name: value for name, value in told.items() if value is not None}


for _direction, _backend_source, _response_source in (
    ("ingress", "271a8e2bae4f", "b70123998efa"),
    ("egress", "8b2b05d2ea50", "e4696f885bb7"),
):
    patch(
        _MODEL,
        f"SecurityGroupBackend.revoke_security_group_{_direction}",
        source=_backend_source,
        why="moto says of an unknown rule id that the permission is not found",
    )(_known_rules(f"{_direction}_rules"))
    patch(
        _RESPONSE,
        f"SecurityGroups.revoke_security_group_{_direction}",
        source=_response_source,
        why="moto does not say which rules it revoked",
    )(_said(f"{_direction}_rules"))
