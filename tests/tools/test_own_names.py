"""Which names are our own: who we are, what we take on elsewhere, and what the stack gives beside either."""

import pytest

from tools.own_parts import own_names

STS = "arn:aws:sts::111122223333:assumed-role"
IAM = "arn:aws:iam::111122223333"
STACK = [f"{IAM}:role/{name}" for name in ("prod-events", "prod-execute", "prod-approvals", "prod-clock")]
MEMBERS = ["stanch-read", "stanch-contain", "stanch-rollback"]


@pytest.mark.parametrize(
    ("caller", "role_name", "names"),
    [
        (f"{STS}/prod-events/prod-events", "stanch/stanch-read", [*STACK, *MEMBERS]),
        (f"{STS}/prod-clock/prod-clock", None, STACK),
        (f"{STS}/responder/mary", "security/incident-response", [f"{IAM}:role/responder", "incident-response"]),
        (f"{IAM}:user/ops/mary", None, [f"{IAM}:user/mary"]),
    ],
)
def test_the_roles_that_the_template_gives_beside_one_of_ours_are_ours_too(
    caller: str, role_name: str | None, names: list[str]
) -> None:
    """Whoever judges a finding about the role that contains is another function than the one that has it.

    In another account the name of a function's role is anybody's; a role that we take on has its name in all of them.
    """
    assert own_names(caller, role_name) == names
