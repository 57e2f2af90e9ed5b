"""The traps of AWS WAF: lost updates, sets that block nothing, sets that let through, and entries that are not ours."""

from collections.abc import Callable
from typing import Any

import pytest
from grounds import ACCOUNT, REGION
from grounds.wafv2_block_address import NETWORK, OURS, UNUSED, WORLD, address, rewrite, sets

from agent.plan import Change, Inapplicable
from agent.receipt import Drifted, Executed
from agent.target import Target, TargetKind
from tools.actions import wafv2_block_address as block
from tools.aws import Aws, AwsError, Conflict, Phase
from tools.sandbox.engine import Sandbox
from tools.sandbox.faults import Fail, SandboxCall, fail_calls
from tools.sandbox.seed import seed
from tools.sandbox.world import World

ATTACKER = "198.51.100.66/32"
UPDATE = "wafv2:UpdateIPSet"


def _opened(text: str) -> Sandbox:
    world = World.parse(text)
    made = Sandbox.fresh(7, world.now)
    seed(made, world)
    return made


def _world(rule: str, entries: str = "", more: str = "") -> str:
    """One set of ours, and one web ACL with one rule about it."""
    return f"""
now: 2026-11-20T12:00:00Z
account: {ACCOUNT}
region: {REGION}
{NETWORK}
wafv2:
  ip_sets: [ {{ name: stanch-v4, {OURS}, addresses: [ {entries} ] }} ]
  web_acls: [ {{ name: shop, resources: [ shop ], rules: [ {rule} ] }} ]
{more}
"""


def _aws(sandbox: Sandbox, phase: Phase, waits: list[float] | None = None) -> Aws:
    sleep: Callable[[float], None] = (lambda seconds: None) if waits is None else waits.append
    return Aws(
        sandbox.clients(), ACCOUNT, REGION, "aws", phase, block.CALLS, sleep=sleep, now=sandbox.now
    )  # fmt: skip


def _plan(sandbox: Sandbox, target: Target | None = None) -> Change | Inapplicable:
    return block.plan(_aws(sandbox, Phase.PLAN), target or address(ATTACKER), {}, "r1")


def _planned(sandbox: Sandbox, target: Target | None = None) -> Change:
    planned = _plan(sandbox, target)
    assert isinstance(planned, Change), planned
    return planned


def _entries(sandbox: Sandbox, name: str = "stanch-v4") -> set[str]:
    return set(sets(sandbox)[name]["Addresses"])


def _meanwhile(sandbox: Sandbox, others: list[str], name: str = "stanch-v4", *, drop: bool = False) -> None:
    """Somebody else updates the set between our read and our update, once for each of these entries."""
    left = list(others)

    def hook(call: SandboxCall) -> None:
        if call.name == UPDATE and left:
            entry = left.pop()
            hooks, sandbox.faults.before[:] = list(sandbox.faults.before), []
            rewrite(sandbox, name, **({"drop": entry} if drop else {"add": entry}))
            sandbox.faults.before[:] = hooks

    sandbox.faults.before.append(hook)


def test_a_writer_between_our_read_and_our_update_loses_nothing() -> None:
    sandbox = _opened(WORLD)
    change = _planned(sandbox)
    _meanwhile(sandbox, ["192.0.2.20/32", "192.0.2.21/32", "192.0.2.22/32"])
    done = block.execute(_aws(sandbox, Phase.EXECUTE), change)
    assert isinstance(done, Executed)
    assert done.outcome == "done"
    assert _entries(sandbox) == {"192.0.2.10/32", "192.0.2.20/32", "192.0.2.21/32", "192.0.2.22/32", ATTACKER}
    refused = [call for call in done.calls if call.error == "WAFOptimisticLockException"]
    assert len(refused) == 3


def test_what_somebody_takes_out_meanwhile_does_not_come_back_with_ours() -> None:
    sandbox = _opened(WORLD)
    change = _planned(sandbox)
    _meanwhile(sandbox, ["192.0.2.10/32"], drop=True)
    block.execute(_aws(sandbox, Phase.EXECUTE), change)
    assert _entries(sandbox) == {ATTACKER}


def test_a_writer_during_the_undo_loses_nothing_either() -> None:
    sandbox = _opened(WORLD)
    change = _planned(sandbox)
    block.execute(_aws(sandbox, Phase.EXECUTE), change)
    _meanwhile(sandbox, ["192.0.2.20/32"])
    block.undo(_aws(sandbox, Phase.UNDO), change)
    assert _entries(sandbox) == {"192.0.2.10/32", "192.0.2.20/32"}


def test_after_eight_conflicts_it_gives_up_having_waited_longer_each_time() -> None:
    sandbox = _opened(_world("{ name: listed, ip_set: stanch-v4 }"))
    change, waits = _planned(sandbox), list[float]()
    sandbox.faults.before.append(fail_calls(UPDATE, Fail("WAFOptimisticLockException"), 99))
    with pytest.raises(Conflict):
        block.execute(_aws(sandbox, Phase.EXECUTE, waits), change)
    assert len(waits) == block.TRIES
    assert all(0.5 <= wait <= 12 for wait in waits)
    assert len(set(waits)) == len(waits)
    assert _entries(sandbox) == set()


def test_the_description_stays() -> None:
    sandbox = _opened(WORLD)
    change = _planned(sandbox)
    block.execute(_aws(sandbox, Phase.EXECUTE), change)
    assert sets(sandbox)["stanch-v4"]["Description"] == "Blocked for a time"


def test_every_set_of_ours_for_the_version_gets_it_and_no_other_set() -> None:
    sandbox = _opened(WORLD)
    block.execute(_aws(sandbox, Phase.EXECUTE), _planned(sandbox))
    found = {name: ATTACKER in held["Addresses"] for name, held in sets(sandbox).items()}
    assert found == {"stanch-v4": True, "edge-v4": True, "stanch-v6": False, "partners": False}


def test_one_set_that_refuses_is_partial_and_says_which_and_goes_on_when_done_again() -> None:
    sandbox = _opened(WORLD)
    change = _planned(sandbox)

    def hook(call: SandboxCall) -> Fail | None:
        refused = call.name == UPDATE and len(_seen) > 0
        _seen.extend([call.name] if call.name == UPDATE else [])
        return Fail("WAFLimitsExceededException") if refused else None

    _seen: list[str] = []
    sandbox.faults.before.append(hook)
    done = block.execute(_aws(sandbox, Phase.EXECUTE), change)
    assert isinstance(done, Executed)
    assert (done.outcome, "WAFLimitsExceededException" in done.detail) == ("partial", True)
    assert not block.verify(_aws(sandbox, Phase.VERIFY), change).holds
    sandbox.faults.clear()
    again = block.execute(_aws(sandbox, Phase.EXECUTE), change)
    assert isinstance(again, Executed)
    assert again.outcome == "done"
    assert block.verify(_aws(sandbox, Phase.VERIFY), change).holds


def test_what_was_done_in_part_is_taken_back_whole() -> None:
    sandbox = _opened(WORLD)
    before, change = sets(sandbox), _planned(sandbox)
    sandbox.faults.before.append(fail_calls(UPDATE, Fail("WAFLimitsExceededException"), 99, skip=1))
    block.execute(_aws(sandbox, Phase.EXECUTE), change)
    sandbox.faults.clear()
    assert isinstance(block.undo(_aws(sandbox, Phase.UNDO), change), Executed)
    assert sets(sandbox) == before


def test_an_entry_that_was_there_before_is_not_ours_to_remove() -> None:
    sandbox = _opened(WORLD)
    change = _planned(sandbox, address("192.0.2.10/32"))
    block.execute(_aws(sandbox, Phase.EXECUTE), change)
    block.undo(_aws(sandbox, Phase.UNDO), change)
    assert _entries(sandbox) == {"192.0.2.10/32"}
    assert _entries(sandbox, "edge-v4") == set()


def test_undo_removes_exactly_this_network_and_none_that_is_wider_or_narrower() -> None:
    sandbox = _opened(WORLD)
    change = _planned(sandbox, address("198.51.100.0/24"))
    block.execute(_aws(sandbox, Phase.EXECUTE), change)
    rewrite(sandbox, "stanch-v4", add=ATTACKER)
    rewrite(sandbox, "stanch-v4", add="198.51.0.0/16")
    block.undo(_aws(sandbox, Phase.UNDO), change)
    assert _entries(sandbox) == {"192.0.2.10/32", ATTACKER, "198.51.0.0/16"}


def test_what_somebody_else_has_taken_out_already_is_undone() -> None:
    sandbox = _opened(WORLD)
    change = _planned(sandbox)
    block.execute(_aws(sandbox, Phase.EXECUTE), change)
    for name in ("stanch-v4", "edge-v4"):
        rewrite(sandbox, name, drop=ATTACKER)
    assert block.undo(_aws(sandbox, Phase.UNDO), change) == Executed(outcome="already")


def test_another_spelling_of_the_same_network_is_the_same_entry() -> None:
    sandbox = _opened(WORLD)
    rewrite(sandbox, "stanch-v6", add="2001:db8:77:0:0:0:0:9/128")
    assert not _planned(sandbox, address("2001:db8:77::9/128")).needed


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("198.51.100.66/32", {"stanch-v4", "edge-v4"}),
        ("::ffff:198.51.100.66/128", {"stanch-v4", "edge-v4"}),
        ("2001:db8:77::9/128", {"stanch-v6"}),
    ],
)
def test_an_address_goes_into_the_sets_of_its_own_version(target: str, names: set[str]) -> None:
    sandbox = _opened(WORLD)
    change = _planned(sandbox, address(target))
    assert {arn.split("/")[-2] for arn in change.after} == names


@pytest.mark.parametrize(
    "world",
    [
        UNUSED,
        _world("{ name: listed, ip_set: stanch-v4, action: count }"),
        _world("{ name: other }"),
        _world("{ name: other }").replace("resources: [ shop ], ", ""),
        _world("{ name: grouped, rule_group: listed, action: count }").replace(
            "  web_acls", "  rule_groups: [ { name: listed, rules: [ { name: r, ip_set: stanch-v4 } ] } ]\n  web_acls"
        ),
    ],
    ids=["counted_and_nowhere", "counted", "not_referred_to", "before_nothing", "group_made_to_count"],
)
def test_a_set_that_nobody_blocks_by_ends_unverified_and_says_so(world: str) -> None:
    sandbox = _opened(world)
    change = _planned(sandbox)
    assert isinstance(block.execute(_aws(sandbox, Phase.EXECUTE), change), Executed)
    seen = block.verify(_aws(sandbox, Phase.VERIFY), change)
    assert (seen.how, seen.detail.startswith("blocks nothing: no Block rule")) == ("unverified", True)


@pytest.mark.parametrize("nested", ["[ or ]", "[ or, or ]", "[ not, not ]", "[ not, and, not ]"])
def test_a_block_rule_uses_the_set_however_deep_it_stands(nested: str) -> None:
    sandbox = _opened(_world(f"{{ name: listed, ip_set: stanch-v4, nested: {nested} }}"))
    change = _planned(sandbox)
    block.execute(_aws(sandbox, Phase.EXECUTE), change)
    assert block.verify(_aws(sandbox, Phase.VERIFY), change).how == "by_configuration"


@pytest.mark.parametrize("nested", ["[ and ]", "[ and, or ]", "[ or, and ]", "[ not, or, not ]"])
@pytest.mark.parametrize("grouped", [False, True])
def test_a_rule_that_blocks_only_some_requests_of_the_set_ends_unverified_and_is_named(
    nested: str, grouped: bool
) -> None:
    rule = f"{{ name: admin-only, ip_set: stanch-v4, nested: {nested} }}"
    world = _world(rule)
    if grouped:
        world = _world("{ name: grouped, rule_group: listed }").replace(
            "  web_acls", f"  rule_groups: [ {{ name: listed, rules: [ {rule} ] }} ]\n  web_acls"
        )
    sandbox = _opened(world)
    change = _planned(sandbox)
    block.execute(_aws(sandbox, Phase.EXECUTE), change)
    seen = block.verify(_aws(sandbox, Phase.VERIFY), change)
    assert (seen.how, "admin-only" in seen.detail) == ("unverified", True)
    assert seen.detail.startswith("blocks some requests only")
    assert any("admin-only" in line for line in change.leaves_open)


@pytest.mark.parametrize(
    "rule",
    [
        "{ name: friends, ip_set: stanch-v4, action: allow }",
        "{ name: strangers, ip_set: stanch-v4, nested: [ not ] }",
        "{ name: strangers, ip_set: stanch-v4, nested: [ or, not, and ] }",
    ],
)
def test_a_set_that_lets_in_what_is_in_it_is_never_added_to_whatever_its_tag_says(rule: str) -> None:
    planned = _plan(_opened(_world(rule)))
    assert isinstance(planned, Inapplicable)
    assert (planned.reason, "lets through" in planned.detail) == ("not_supported", True)


def test_a_set_that_only_has_the_right_name_is_not_ours() -> None:
    planned = _plan(_opened(WORLD.replace("stanch:purpose: block", "stanch:purpose: blocked")))
    assert isinstance(planned, Inapplicable)
    assert "no IP set for IPv4 has the tag stanch:purpose=block (docs/limits.md" in planned.detail


def test_a_set_that_lost_its_tag_after_the_plan_is_not_written_to() -> None:
    sandbox = _opened(WORLD)
    change = _planned(sandbox)
    for arn in change.after:
        sandbox.client("wafv2", ACCOUNT, REGION).untag_resource(ResourceARN=arn, TagKeys=["stanch:purpose"])
    assert isinstance(block.execute(_aws(sandbox, Phase.EXECUTE), change), Drifted)
    assert _entries(sandbox) == {"192.0.2.10/32"}


_UNREFERRED = UNUSED.replace("ip_set: stanch-v4, action: count", "action: count").replace(", ip_set: stanch-v4", "")


def test_a_set_that_was_deleted_is_drift() -> None:
    sandbox = _opened(_UNREFERRED)
    change = _planned(sandbox)
    _delete(sandbox, "stanch-v4")
    assert isinstance(block.execute(_aws(sandbox, Phase.EXECUTE), change), Drifted)
    assert not block.verify(_aws(sandbox, Phase.VERIFY), change).holds


def test_a_set_that_was_deleted_has_nothing_left_to_take_out() -> None:
    sandbox = _opened(_UNREFERRED)
    change = _planned(sandbox)
    block.execute(_aws(sandbox, Phase.EXECUTE), change)
    _delete(sandbox, "stanch-v4")
    assert block.undo(_aws(sandbox, Phase.UNDO), change) == Executed(outcome="already")


def _delete(sandbox: Sandbox, name: str) -> None:
    waf, kept = sandbox.client("wafv2", ACCOUNT, REGION), sets(sandbox)[name]
    which = {field: kept[field] for field in ("Name", "Id", "Scope")}
    waf.delete_ip_set(**which, LockToken=waf.get_ip_set(**which)["LockToken"])


def test_a_full_set_takes_no_more_and_that_is_known_before_anybody_is_asked() -> None:
    sandbox = _opened(_world("{ name: listed, ip_set: stanch-v4 }"))
    waf, kept = sandbox.client("wafv2", ACCOUNT, REGION), sets(sandbox)["stanch-v4"]
    which = {field: kept[field] for field in ("Name", "Id", "Scope")}
    many = [f"10.{high}.{low}.1/32" for high in range(40) for low in range(250)]
    waf.update_ip_set(**which, Addresses=many, LockToken=waf.get_ip_set(**which)["LockToken"])
    planned = _plan(sandbox)
    assert isinstance(planned, Inapplicable)
    assert (planned.reason, planned.detail) == ("not_supported", "the IP set stanch-v4 is full (10000 entries)")
    assert isinstance(_plan(sandbox, address("10.0.0.1/32")), Change)


@pytest.mark.parametrize(
    ("reason", "target"),
    [
        ("wrong_kind", Target(kind=TargetKind.INSTANCE, id="i-0aaaaaaaaaaaaaaa1", account=ACCOUNT, region=REGION)),
        ("not_supported", address("0.0.0.0/0")),
    ],
)
def test_what_cannot_be_blocked_is_refused_with_its_reason(reason: str, target: Target) -> None:
    planned = _plan(_opened(WORLD), target)
    assert isinstance(planned, Inapplicable)
    assert planned.reason == reason


def test_without_the_right_to_read_the_rules_nothing_is_planned() -> None:
    sandbox = _opened(WORLD)
    sandbox.faults.before.append(fail_calls("wafv2:GetRuleGroup", Fail("AccessDeniedException"), 99))
    with pytest.raises(AwsError):
        _plan(sandbox)


def test_a_card_says_how_many_are_refused_where_and_until_when() -> None:
    sandbox = _opened(WORLD)
    params: Any = {"expires_at": "2026-11-21T12:00:00Z"}
    planned = block.plan(_aws(sandbox, Phase.PLAN), address("192.0.2.0/24"), params, "r1")
    assert isinstance(planned, Change)
    assert {effect.what: effect.count for effect in planned.blast_radius} == {
        "Addresses are refused.": 256,
        "Load balancers, APIs and distributions refuse them.": 2,
        "Entries of these sets are narrower and blocked already.": 1,
        "It stays until `stanch sweep`, or the clock on Lambda, takes it back after 2026-11-21 12:00 UTC.": None,
    }


def test_a_rule_that_reads_a_header_or_comes_after_an_allow_says_what_it_leaves_open() -> None:
    rules = "{ name: friends, action: allow }, { name: listed, ip_set: stanch-v4, forwarded: X-Forwarded-For }"
    said = _planned(_opened(_world(rules))).leaves_open
    assert "A rule takes the address from the header X-Forwarded-For, which the sender writes." in said
    assert "What an Allow rule before the Block rule lets through." in said


def test_another_set_that_is_made_later_does_not_change_what_an_undo_reads_back() -> None:
    sandbox = _opened(WORLD)
    change = _planned(sandbox)
    block.execute(_aws(sandbox, Phase.EXECUTE), change)
    sandbox.client("wafv2", ACCOUNT, REGION).create_ip_set(
        Name="another", Scope="REGIONAL", IPAddressVersion="IPV4", Addresses=[],
        Tags=[{"Key": "stanch:purpose", "Value": "block"}],
    )  # fmt: skip
    block.undo(_aws(sandbox, Phase.UNDO), change)
    again = block.plan(_aws(sandbox, Phase.PLAN), change.target, change.params, "r1")
    assert isinstance(again, Change)
    assert again.before == change.before
