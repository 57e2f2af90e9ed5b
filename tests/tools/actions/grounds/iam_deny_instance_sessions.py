"""Two instances that share a role, one of which is attacked."""

from instance_scene import INSTANCE, ROLE, SIBLING, WORLD, look, role_works, target

from agent.plan import Change
from grounds import ACCOUNT, REGION, Ground
from tools.sandbox.engine import Sandbox


def _rewrite(sandbox: Sandbox, change: Change) -> None:
    other = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:*","Resource":"*"}]}'
    sandbox.client("iam", ACCOUNT, REGION).put_role_policy(
        RoleName=ROLE, PolicyName=change.params["policy_name"], PolicyDocument=other
    )


GROUNDS = [
    Ground(
        name="a_role_that_a_sibling_shares",
        world=WORLD,
        target=target(),
        look=look,
        drift=_rewrite,
        sibling=lambda sandbox: role_works(sandbox, SIBLING),
        attacker=lambda sandbox: role_works(sandbox, INSTANCE),
        failing=True,
    )
]
