"""A catalogue and facts for the policy tests, made of data alone."""

from functools import cache
from typing import Any

from agent.catalogue import ActionSpec, Catalogue, Disruption, Reversal
from agent.policy.engine import Policies
from agent.policy.examples import load_examples
from agent.target import TargetKind
from agent.verdict import Facts


def _spec(
    id_: str, target: TargetKind, order: int, disruption: Disruption, offered: bool = True, closes: bool = False
) -> ActionSpec:
    return ActionSpec(
        id=id_,
        target=target,
        order=order,
        reversal=Reversal.EXACT if offered or closes else Reversal.FORWARD_ONLY,
        disruption=disruption,
        summary="It acts.",
        disrupts="Whoever uses it.",
        offered=offered,
        closes=closes,
    )


CATALOGUE = Catalogue.of(
    [
        _spec("iam_deny_user", TargetKind.USER, 10, Disruption.ONE_PRINCIPAL),
        _spec("iam_deactivate_key", TargetKind.ACCESS_KEY, 20, Disruption.ONE_PRINCIPAL),
        _spec("s3_block_public_access", TargetKind.BUCKET, 30, Disruption.ONE_RESOURCE),
        _spec("iam_revoke_role_sessions", TargetKind.ROLE, 40, Disruption.SHARED),
        _spec("ec2_snapshot_volumes", TargetKind.INSTANCE, 110, Disruption.NONE),
        _spec("ec2_quarantine_interfaces", TargetKind.INSTANCE, 140, Disruption.ONE_RESOURCE),
        _spec("ec2_cut_connections", TargetKind.INSTANCE, 170, Disruption.SHARED),
        _spec("wafv2_block_address", TargetKind.ADDRESS, 200, Disruption.ONE_RESOURCE),
        _spec("securityhub_close_finding", TargetKind.OTHER, 800, Disruption.NONE, offered=False, closes=True),
        _spec("securityhub_update_finding", TargetKind.OTHER, 900, Disruption.NONE, offered=False),
    ]
)


@cache
def bundled_policies() -> Policies:
    """The policies that come with Stanch."""
    return Policies.load(catalogue=CATALOGUE)


@cache
def _by_action() -> dict[str, Facts]:
    """For each action, the facts of an example that starts from its base with nothing special about the target."""
    found: dict[str, Facts] = {}
    for ready in load_examples():
        if ready.file == "permit.yaml" and ready.example.facts.keys() <= {"environment"}:
            found.setdefault(ready.facts.action, ready.facts)
    return found


def facts(base: str = "iam_deactivate_key", /, **different: Any) -> Facts:
    """Facts of an attack that everybody agrees on, outside production, with what is different."""
    return Facts.model_validate({**_by_action()[base].model_dump(), "environment": "dev", **different})
