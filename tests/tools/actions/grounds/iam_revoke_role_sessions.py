"""A role one of whose sessions was stolen; a newer session of it, and one of another role, go on."""

from role_scene import ARN, OTHER, ROLE, WORLD, look, role, session, status

from agent.plan import Change
from grounds import ACCOUNT, REGION, Ground
from tools.sandbox.engine import Sandbox


def _rewrite(sandbox: Sandbox, change: Change) -> None:
    other = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:*","Resource":"*"}]}'
    sandbox.client("iam", ACCOUNT, REGION).put_role_policy(
        RoleName=ROLE, PolicyName=change.params["policy_name"], PolicyDocument=other
    )


def _others_work(sandbox: Sandbox) -> bool:
    others = (session(sandbox, after=2), session(sandbox, f"arn:aws:iam::{ACCOUNT}:role/{OTHER}"))
    return [status(sandbox, one) for one in others] == [200, 200]


GROUNDS = [
    Ground(
        name="a_role_with_older_and_newer_sessions",
        world=WORLD,
        target=role(),
        look=look,
        drift=_rewrite,
        sibling=_others_work,
        attacker=lambda sandbox: status(sandbox, session(sandbox, ARN)) == 200,
        failing=True,
    )
]
