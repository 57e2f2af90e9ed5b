"""What happens in another Region of the account is seen, listed or not, unless the registry says that nothing can happen there."""

import copy
import threading
from typing import Any

import pytest
from asking import (
    ACCOUNT,
    ATTACKED,
    FINDING,
    KEY,
    REGION,
    USER_TARGET,
    VISITOR,
    ask,
    aws_for,
    built,
    changed,
    gather,
    values,
)

from agent.activity import Activity, activity
from agent.casefile import Looked
from tools import event_history, regions
from tools.aws import Tally
from tools.event_history import History, Seen
from tools.gathering import Gathering
from tools.sandbox.faults import Fail, SandboxCall, fail_calls
from tools.sandbox.world import World
from tools.source import Question, sources

FAR = "ap-southeast-2"
FAR_CALL = {"at": "-45m", "name": "RunInstances", "source": "ec2", "key": KEY, "user": "alice", "address": "198.51.100.9",
            "region": FAR}  # fmt: skip


def listed(world: dict[str, Any], *regions: str, denied: bool = False) -> dict[str, Any]:
    """The world, with these Regions in the registry, and all others denied or not."""
    entry = {"role": "workload", "environment": "dev", "regions": list(regions), "other_regions_denied": denied}
    return changed(f"registry.accounts.{ACCOUNT}", entry, copy.deepcopy(world))


USED_FAR = changed("cloudtrail.events.3", FAR_CALL)


@pytest.mark.parametrize(
    ("world", "calls"),
    [
        (USED_FAR, 3),
        (listed(USED_FAR, REGION), 3),
        (listed(USED_FAR, REGION, FAR, denied=True), 3),
        (listed(USED_FAR, REGION, denied=True), 2),
    ],
    ids=["enabled Regions", "listed without it", "not denied there", "denied there"],
)
def test_a_key_s_calls_are_counted_in_every_region_in_which_they_can_have_been_made(
    world: dict[str, Any], calls: int
) -> None:
    assert values(ask("cloudtrail_lookup", world))[f"key.calls {KEY}"] == calls


def test_so_are_those_of_a_user_of_whom_no_key_is_named() -> None:
    told = values(
        ask("cloudtrail_principals", listed(USED_FAR, REGION), FINDING.model_copy(update={"targets": [USER_TARGET]}))
    )
    assert told[f"user.calls {USER_TARGET.id}"] == 3
    assert FAR in str(told["activity.regions finding"])


def test_the_registry_s_regions_are_read_before_the_others() -> None:
    world = World.model_validate(listed(USED_FAR, FAR))
    sandbox = built(USED_FAR)[0]
    question = Question(finding=FINDING, now=world.now, registry=world.registry)
    aws = aws_for(sandbox, frozenset({regions.REGIONS}))
    gathering = Gathering(sources()["cloudtrail_lookup"].SPEC, world.now)
    used = regions.used(gathering, aws, question)
    assert (used.value or [])[:3] == [REGION, "us-east-1", FAR]


@pytest.mark.parametrize("world", [USED_FAR, listed(USED_FAR, REGION)], ids=["none listed", "listed"])
def test_where_regions_cannot_be_listed_no_count_is_claimed_and_what_was_seen_still_counts(
    world: dict[str, Any],
) -> None:
    sandbox, parsed = built(world)
    sandbox.faults.before.append(fail_calls("ec2:DescribeRegions", Fail("UnauthorizedOperation", 403), 99))
    told = values(gather("cloudtrail_lookup", sandbox, parsed))
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
    sandbox, world = built(listed(USED_FAR, REGION, "us-east-1", FAR, denied=True))
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


BUSY = changed("cloudtrail.events.3", {**FAR_CALL, "count": 120})


def looked_up(cap: int, last: str) -> tuple[Seen, Gathering]:
    """The key's events of two Regions, the other of which has been read by the time that the last one begins."""
    sandbox, world = built(BUSY)
    done = threading.Event()

    def wait(call: SandboxCall) -> None:
        if call.region == last:
            done.wait(0.3)
        else:
            done.set()

    sandbox.faults.before.append(wait)
    source = sources()["cloudtrail_lookup"]
    gathering = Gathering(source.SPEC, world.now)
    question = Question(finding=FINDING, now=world.now, registry=world.registry)
    history = History(gathering, aws_for(sandbox, source.CALLS), question, cap)
    return history.look_up([REGION, FAR], [("AccessKeyId", KEY)]), gathering


@pytest.mark.parametrize("last", [REGION, FAR])
def test_the_bytes_that_one_region_may_tell_do_not_depend_on_which_answers_first(last: str) -> None:
    """Fifty events of some nine hundred bytes are more than half of this cap, and two Regions have half of it each."""
    seen, gathering = looked_up(60_000, last)
    assert (len(seen.events), seen.gap, seen.unread, gathering.calls) == (51, "byte_cap", [FAR], 2)


def test_what_was_read_by_the_last_page_is_no_gap_however_much_it_was() -> None:
    seen, _ = looked_up(10, REGION)
    assert (seen.unread, len([one for one in seen.events.values() if one.name != "RunInstances"])) == ([FAR], 1)


def test_an_answer_that_nobody_can_read_loses_no_other_region_s_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(raw: object) -> Activity | None:
        if FAR in str(raw):
            raise KeyError("eventName")
        return activity(raw)

    monkeypatch.setattr(event_history, "activity", unreadable)
    sandbox, world = built(BUSY)
    source = sources()["cloudtrail_lookup"]
    gathering, told, tally = Gathering(source.SPEC, world.now), list[Looked](), Tally()
    question = Question(finding=FINDING, now=world.now, registry=world.registry)
    aws = aws_for(sandbox, source.CALLS, looked=told.append, tally=tally)
    with pytest.raises(KeyError):
        History(gathering, aws, question, 10**6).look_up([FAR, REGION], [("AccessKeyId", KEY)])
    assert [one.region for one in told] == [FAR, REGION]
    assert (gathering.calls, tally.by_phase) == (2, {"read": {"cloudtrail:LookupEvents": 2}})
