"""Whether an address is ours is asked in every account that is served: a block cuts off whoever holds it, wherever."""

from typing import Any

import pytest
from asking import ACCOUNT, ATTACKED, OTHER_ACCOUNT, VISITOR, built, changed, gather, values

from tools.sandbox.faults import Fail, SandboxCall

OWN = f"address.own {VISITOR}"
HERS = VISITOR.removesuffix("/32")
SERVED = {"role": "workload", "environment": "prod"}
HELD_THERE = [{"account": OTHER_ACCOUNT, "ec2": {"addresses": [{"address": HERS}]}}]


def two_accounts(holds: list[dict[str, Any]], **said: Any) -> dict[str, Any]:
    """The attacked account with another one beside it that is served, too."""
    world = changed(f"registry.accounts.{OTHER_ACCOUNT}", {**SERVED, "regions": ["eu-west-1"], **said}, ATTACKED)
    return world | {"accounts": holds}


@pytest.mark.parametrize(
    ("world", "ours"),
    [
        (two_accounts(HELD_THERE), True),
        (two_accounts([{"account": OTHER_ACCOUNT}]), False),
        (two_accounts([], addresses=[VISITOR]), True),
        (two_accounts([], addresses=["198.51.100.0/24"]), True),
        (two_accounts(HELD_THERE, addresses=[]), False),
    ],
    ids=["held there", "held nowhere", "listed", "in a listed network", "none by the registry"],
)
def test_an_address_of_another_account_of_ours_is_ours(world: dict[str, Any], ours: bool) -> None:
    assert values(gather("own_addresses", *built(world)))[OWN] is ours


def refusing(account: str) -> Any:
    """An account in which nothing can be read."""

    def hook(call: SandboxCall) -> Fail | None:
        return Fail("AccessDenied", 403) if call.account == account else None

    return hook


def test_where_one_account_cannot_be_read_nobody_says_that_it_is_not_ours() -> None:
    sandbox, world = built(two_accounts([{"account": OTHER_ACCOUNT}]))
    sandbox.faults.before.append(refusing(OTHER_ACCOUNT))
    assert values(gather("own_addresses", sandbox, world))[OWN] == "failed: AccessDenied"


def test_what_is_listed_is_read_nowhere() -> None:
    sandbox, world = built(two_accounts([], addresses=[]))
    asked: set[str] = set()
    sandbox.faults.before.append(lambda call: asked.add(call.account))
    assert values(gather("own_addresses", sandbox, world))[OWN] is False
    assert asked == {ACCOUNT}
