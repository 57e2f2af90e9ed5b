"""AWS Config says since when something has been open; what it never recorded is absent, and what it writes oddly fails."""

from typing import Any

import pytest
from asking import ACCOUNT, BUCKET, FINDING, REGION, WORLD, ask, changed, values

from agent.target import Target, TargetKind
from tools.evidence import aws_config

GROUP = "sg-0aaaaaaaaaaaaaaa1"
OF_GROUP = FINDING.model_copy(
    update={"targets": [Target(kind=TargetKind.GROUP, id=GROUP, account=ACCOUNT, region=REGION)]}
)
BLOCK = {"acls": True, "ignore_acls": True, "policy": True, "restrict": True}


def told(items: list[dict[str, Any]], finding: Any = FINDING) -> list[Any]:
    """Open days, and whether it was closed before."""
    return list(values(ask("aws_config", changed("config", {"items": items}), finding)).values())


def bucket(at: str, **state: Any) -> dict[str, Any]:
    return {"bucket": BUCKET, "at": at, **state}


def public(at: str, **state: Any) -> dict[str, Any]:
    return bucket(at, policy="public_read", **state)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([public("-2h"), bucket("-40d")], [0, True]),
        ([public("-2h"), public("-20d"), bucket("-60d")], [20, True]),
        ([bucket("-3d", acl="public-read"), bucket("-4d", acl="private")], [3, True]),
        ([bucket("-3d", acl="authenticated-read"), public("-4d", deleted=True)], [3, True]),
        ([public("-3d"), public("-9d", block=BLOCK)], [3, True]),
        ([public("-3d"), public("-120d")], [120, False]),
        ([bucket("-1d"), public("-30d")], ["absent: not_open"] * 2),
        ([public("-1d", block=BLOCK)], ["absent: not_open"] * 2),
        ([public("-1d"), bucket("-2d", policy="no policy at all")], [1, "absent: not_in_what_was_read"]),
        ([bucket("-2d", policy="no policy at all")], ["failed: not_read"] * 2),
        ([{"bucket": "orders-data-2", "at": "-1d"}], ["absent: not_recorded"] * 2),
    ],
)
def test_a_bucket_has_been_open_since_its_last_closed_state(items: list[dict[str, Any]], expected: list[Any]) -> None:
    assert told(items) == expected


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([("-1d", ["0.0.0.0/0"]), ("-9d", ["192.0.2.0/24"])], [1, True]),
        ([("-1d", ["::/0"]), ("-9d", [])], [1, True]),
        ([("-1d", ["10.0.0.0/8", "0.0.0.0/0"])], [1, False]),
        ([("-1d", ["192.0.2.0/24"])], ["absent: not_open"] * 2),
    ],
)
def test_a_security_group_has_been_open_since_it_was_widened(
    states: list[tuple[str, list[str]]], expected: list[Any]
) -> None:
    assert told([{"group": GROUP, "at": at, "networks": networks} for at, networks in states], OF_GROUP) == expected


def test_without_a_recorder_nothing_is_said_and_nothing_failed() -> None:
    assert set(values(ask("aws_config", changed("config", {"enabled": False}))).values()) == {"absent: no_recorder"}


def test_history_is_read_over_pages_that_hold_nothing_and_no_further_than_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    items = changed("config", {"items": [public("-1d"), public("-50d"), bucket("-100d")]})
    answered = ask("aws_config", items)
    assert list(values(answered).values()) == [50, True]
    assert answered.pages == 15, "seven days each"
    monkeypatch.setattr(aws_config, "PAGES", 10)
    assert list(values(ask("aws_config", items)).values()) == [50, "absent: not_in_what_was_read"]


def test_what_is_read_of_the_world_s_own_bucket() -> None:
    assert list(values(ask("aws_config", WORLD)).values()) == [0, True]
