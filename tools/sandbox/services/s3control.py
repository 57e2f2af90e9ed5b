"""S3's access points: whether their policies are public."""

from typing import Any

from tools.sandbox.mechanism import Ctx, Wire, op
from tools.sandbox.policy import is_public


@op("s3control", "GetAccessPointPolicyStatus")
def policy_status(ctx: Ctx, params: Wire) -> Any:
    """Of the policy alone, whatever blocks it; moto calls every policy public."""
    from moto.s3control.models import s3control_backends

    policy = s3control_backends[ctx.account]["aws"].get_access_point_policy(params["AccountId"], params["Name"])
    return {"PolicyStatus": {"IsPublic": is_public(policy)}}
