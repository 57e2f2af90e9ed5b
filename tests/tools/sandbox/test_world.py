"""A world file says what it means, and an error in it names the place."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from agent.record import Record
from tools.registry import Registry
from tools.sandbox.seeding.when import resolve
from tools.sandbox.world import World, WorldError

NOW = "now: 2026-03-01T12:00:00Z\n"
FLOW = "{group: g, vpc: vpc-0abc1234, interface: eni-0abc1234, %s records: [{at: %s, src: 198.51.100.7, dst: 10.0.0.5, %s}]}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("now: yesterday", "now: Input should be a valid datetime"),
        ("region: us-east-1", "now: Field required"),
        ("now: 2026-03-01", "now: Input should have timezone info"),
        (NOW + "nwo: 1", "nwo: Extra inputs are not permitted"),
        (NOW + "account: 12345", "account: Input should be a valid string"),
        (NOW + "iam: {users: [{name: ann, keys: [{id: nope}]}]}", "iam.users[0].keys[0].id: String should match"),
        (NOW + "iam: {users: [{name: ann, keys: [{id: ASIAIOSFODNN7EXAMPLE}]}]}", "iam.users[0].keys[0].id: String"),
        (
            NOW + "iam: {users: [{name: ann, managed: [Nope]}]}",
            "iam.users[0].managed[0]: there is no AWS managed policy Nope",
        ),
        (NOW + "s3: {buckets: [{name: good-name}, {name: UPPER}]}", "s3.buckets[1].name: String should match"),
        (
            NOW + "s3: {buckets: [{name: good-name, policy: all}]}",
            "s3.buckets[0].policy: a policy is null, public_read, or",
        ),
        (
            NOW + "s3: {buckets: [{name: good-name, log_target: other}]}",
            "s3.buckets[0].log_target: no bucket of this world",
        ),
        (
            NOW + "s3: {buckets: [{name: good-name, acl: public-read, ownership: BucketOwnerEnforced}]}",
            "s3.buckets[0].acl: BucketOwnerEnforced switches ACLs off",
        ),
        (NOW + "cloudtrail: {events: [{at: soon, name: ListUsers}]}", "cloudtrail.events[0].at: neither a moment"),
        (
            NOW + "cloudtrail: {events: [{at: '2026-03-01 11:00', name: ListUsers}]}",
            "cloudtrail.events[0].at: a moment needs",
        ),
        (
            NOW + f"flow_logs: [{FLOW % ('', '-15d', '')}]",
            "flow_logs[0].records[0].at: CloudWatch Logs refuses events older",
        ),
        (
            NOW + f"flow_logs: [{FLOW % ('traffic: ACCEPT,', '-5m', 'action: REJECT')}]",
            "flow_logs[0].records[0].action: this flow log keeps ACCEPT only",
        ),
        (
            NOW + f"accounts: [{{account: 444455556666, flow_logs: [{FLOW % ('', '-15d', '')}]}}]",
            "accounts[0].flow_logs[0].records[0].at: CloudWatch Logs refuses",
        ),
        (
            NOW + "macie: {buckets: [{name: good-name, public: MAYBE}]}",
            "macie.buckets[0].public: Input should be 'PUBLIC'",
        ),
        ("now: [", "not YAML: "),
        ("", "empty"),
    ],
)
def test_an_error_names_the_place_and_says_it_in_one_line(text: str, line: str) -> None:
    with pytest.raises(WorldError) as caught:
        World.parse(text)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_every_wrong_place_has_its_own_line() -> None:
    with pytest.raises(WorldError) as caught:
        World.parse(NOW + "s3: {buckets: [{name: UPPER}]}\niam: {users: [{name: 'a b'}]}")
    assert sorted(line.split(":")[0] for line in str(caught.value).splitlines()) == [
        "iam.users[0].name",
        "s3.buckets[0].name",
    ]


def test_the_worlds_account_is_a_dev_workload_unless_the_registry_says_otherwise() -> None:
    assert World.parse(NOW + "account: 111122223333").registry.accounts["111122223333"].environment == "dev"
    told = World.parse(
        NOW + "registry: {accounts: {111122223333: {role: workload, environment: prod}}, break_glass: [fire]}"
    )
    assert told.registry.accounts.keys() == {"111122223333"}
    assert told.registry.break_glass == ["fire"]


def test_a_registry_without_accounts_keeps_what_it_does_say() -> None:
    world = World.parse(NOW + "registry: {trusted_networks: [203.0.113.0/24]}")
    assert world.registry.trusts("203.0.113.9")
    assert list(world.registry.accounts) == [world.account]


@pytest.mark.parametrize(
    ("when", "hour", "minute"),
    [("-25m", 11, 35), ("+5m", 12, 5), ("-3600s", 11, 0), ("2026-03-01T13:00:00+02:00", 11, 0)],
)
def test_a_moment_is_absolute_or_counts_from_now(when: str, hour: int, minute: int) -> None:
    assert resolve(when, datetime(2026, 3, 1, 12, tzinfo=UTC)) == datetime(2026, 3, 1, hour, minute, tzinfo=UTC)


def test_a_world_survives_being_written_as_json_and_read_again() -> None:
    world = World.parse(
        NOW + "iam: {users: [{name: ann, keys: [{id: AKIAIOSFODNN7EXAMPLE, created: 2025-12-01T00:00:00Z}]}]}"
    )
    assert World.model_validate_json(world.model_dump_json()) == world


def keys_of(annotation: Any, seen: set[Any]) -> Iterator[str]:
    for inner in get_args(annotation):
        yield from keys_of(inner, seen)
    if isinstance(annotation, type) and issubclass(annotation, Record) and annotation not in seen | {Registry}:
        seen.add(annotation)
        for name, field in annotation.model_fields.items():
            yield name
            yield from keys_of(field.annotation, seen)


def test_the_guide_names_every_key_of_a_world_and_its_example_is_a_world() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "worlds.md").read_text(encoding="utf-8")
    assert set(keys_of(World, set())) - set(re.findall(r"`([a-z0-9_]+)`", guide)) == set()
    example = re.search(r"```yaml\n(.+?)```", guide, re.DOTALL)
    assert example is not None
    assert World.parse(example[1]).iam.users[0].name == "ann"
