"""The approvals that could be asked for: read from the policies' own text, smallest first."""

from itertools import combinations

from cedarpy import pst

from agent.policy.source import Policy, PolicyError, walk
from agent.verdict import Need

MAX_ROLES = 6
MAX_PEOPLE = 5


def rungs(policies: list[Policy]) -> list[Need]:
    """Every set of approvals that these policies can tell apart, smallest first.

    Raises PolicyError when there are too many to try, rather than to leave some out and deny in silence.
    """
    people = 1
    roles: set[str] = set()
    for policy in policies:
        people = max(people, _people(policy))
        roles |= roles_of(policy)
    if len(roles) > MAX_ROLES:
        raise PolicyError(f"the policies name {len(roles)} approver roles; at most {MAX_ROLES} can be asked for")
    return [
        Need(count=count, roles=list(chosen))
        for count in range(1, people + 1)
        for size in range(len(roles) + 1)
        for chosen in combinations(sorted(roles), size)
    ]


def together(one: Need, other: Need) -> Need:
    """What there is when both sets are given, by the same people where that is possible."""
    return Need(count=max(one.count, other.count), roles=sorted({*one.roles, *other.roles}))


def covers(larger: Need, smaller: Need) -> bool:
    """Whether the smaller set is a part of the larger."""
    return larger.count >= smaller.count and set(larger.roles) >= set(smaller.roles)


def _reads(node: object, fact: str) -> bool:
    """Whether a node is this very fact of the context."""
    return isinstance(node, pst.GetAttr) and node.base == pst.Var("context") and node.attr == fact


def roles_of(policy: Policy) -> set[str]:
    """The roles of approvers that it names."""
    return {
        literal.value
        for node in policy.nodes
        if isinstance(node, pst.BinaryOp)
        and (_reads(node.left, "approver_roles") or _reads(node.right, "approver_roles"))
        for literal in walk((node.left, node.right))
        if isinstance(literal, pst.StringLit)
    }


def _people(policy: Policy) -> int:
    """The most people that this policy can tell apart from fewer."""
    most = 1
    for node in policy.nodes:
        if not isinstance(node, pst.BinaryOp) or node.op in ("and", "or"):
            continue
        sides = (node.left, node.right)
        if not any(_reads(side, "approver_count") for side in sides):
            continue
        beyond = 0 if node.op in ("greater_eq", "less", "eq", "not_eq") else 1
        most = max([most, *(side.value + beyond for side in sides if isinstance(side, pst.LongLit))])
    if most > MAX_PEOPLE:
        raise PolicyError(f"asks for {most} people; at most {MAX_PEOPLE} can be asked for", policy.file, policy.id)
    return most
