"""What happens in another Region of the account is seen: as the registry lists Regions, or as the account has them enabled."""

import copy
import threading
from typing import Any

import pytest
from asking import ACCOUNT, ATTACKED, KEY, REGION, VISITOR, ask, built, changed, gather, values

from agent.casefile import Looked
from tools.sandbox.faults import Fail, SandboxCall, fail_calls

FAR = "ap-southeast-2"
FAR_CALL = {"at": "-45m", "name": "RunInstances", "source": "ec2", "key": KEY, "user": "alice", "address": "198.51.100.9",
            "region": FAR}  # fmt: skip


def listed(world: dict[str, Any], *regions: str) -> dict[str, Any]:
    """The world, with these Regions in the registry."""
    entry = {"role": "workload", "environment": "dev", "regions": list(regions)}
    return changed(f"registry.accounts.{ACCOUNT}", entry, copy.deepcopy(world))


USED_FAR = changed("cloudtrail.events.3", FAR_CALL)


@pytest.mark.parametrize(
    ("world", "calls"),
    [(USED_FAR, 3), (listed(USED_FAR, REGION, FAR), 3), (listed(USED_FAR, REGION), 2)],
    ids=["enabled Regions", "listed there", "listed without it"],
)
def test_a_key_s_calls_are_counted_in_every_region_that_the_account_uses(world: dict[str, Any], calls: int) -> None:
    assert values(ask("cloudtrail_lookup", world))[f"key.calls {KEY}"] == calls


def test_where_regions_cannot_be_listed_no_count_is_claimed_and_what_was_seen_still_counts() -> None:
    sandbox, world = built(USED_FAR)
    sandbox.faults.before.append(fail_calls("ec2:DescribeRegions", Fail("UnauthorizedOperation", 403), 99))
    told = values(gather("cloudtrail_lookup", sandbox, world))
    assert told[f"key.calls {KEY}"] == "failed: UnauthorizedOperation"
    assert told[f"key.only_trusted_addresses {KEY}"] is False


def test_an_address_of_ours_in_another_region_is_ours() -> None:
    sandbox, world = built(ATTACKED)
    sandbox.client("ec2", ACCOUNT, FAR).allocate_address(Domain="vpc", Address=VISITOR.split("/")[0])
    assert values(gather("own_addresses", sandbox, world))[f"address.own {VISITOR}"] is True


def test_an_address_that_asked_for_nothing_is_no_proxy_and_not_cleared_of_being_one() -> None:
    told = values(ask("waf_logs", changed("wafv2.logs", [], ATTACKED)))
    assert told[f"address.web_requests {VISITOR}"] == 0
    assert told[f"address.proxied {VISITOR}"] == "absent: no_requests"


def test_regions_are_asked_beside_each_other_and_their_reads_told_in_the_order_asked() -> None:
    """The second look-up to leave lets the first one go: one after the other, neither would ever be answered."""
    sandbox, world = built(listed(USED_FAR, REGION, "us-east-1", FAR))
    both = threading.Barrier(2, timeout=20)
    started: list[str] = []

    def meet(call: SandboxCall) -> None:
        started.append(call.region)
        if call.name == "cloudtrail:LookupEvents" and len(started) <= 2:
            both.wait()

    sandbox.faults.before.append(meet)
    told: list[Looked] = []
    answered = gather("cloudtrail_lookup", sandbox, world, looked=told.append)
    assert not both.broken
    of_the_key = [one.region for one in told if KEY in str(one.params)]
    assert of_the_key == [REGION, "us-east-1", FAR]
    assert answered.calls == len(told)
