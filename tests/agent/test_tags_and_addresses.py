"""Which tags protect, and which addresses come from the internet."""

import pytest

from agent.addresses import covers, is_public, network, overlap, parse
from agent.tags import protects


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("stanch:protected", True), ("STANCH_PROTECTED", True), ("my-stanch-protected-thing", True),
        ("do-not-touch", True), ("DoNotTouch", True), ("donottuch", True), ("do not tuoch", True), ("\uff44onottouch", True),
        ("ir-protected", True), ("ir.protectd", True), ("ir_pr0tected", True), ("d\u043enottouch", True),
        ("protected", True), ("protection", False), ("environment", False), ("touch", False), ("", False), ("\u2603", False),
        ("x" * 100_000, False),
    ],
)  # fmt: skip
def test_a_tag_protects_if_it_says_so_or_nearly(key: str, expected: bool) -> None:
    assert protects(key) is expected


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("198.51.100.7", True), ("2001:db8::1", True), ("10.0.0.1", False), ("172.31.0.1", False), ("100.64.0.1", False),
        ("169.254.169.254", False), ("127.0.0.1", False), ("fd00::1", False), ("fe80::1", False), ("::1", False),
        ("::ffff:10.0.0.1", False), ("::ffff:198.51.100.7", True), ("224.0.0.1", False), ("255.255.255.255", False),
        ("cloudformation.amazonaws.com", None), ("198.51.100.7:443", None), ("198.51.100.0/24", None), ("fe80::1%eth0", None),
        ("AWS Internal", None), ("", None),
    ],
)  # fmt: skip
def test_only_a_single_address_is_an_address_and_only_some_are_public(text: str, public: bool | None) -> None:
    address = parse(text)
    assert (None if address is None else is_public(address)) is public


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("192.0.2.1/32", "192.0.2.1"), ("192.0.2.0/24", "192.0.2.77/24"), ("192.0.2.1/32", "::ffff:192.0.2.1"),
        ("192.0.2.0/24", "::ffff:192.0.2.0/120"), ("::fffe:0:0/95", "::fffe:0:0/95"), ("2001:db8::/48", "2001:db8:0::/48"),
    ],
)  # fmt: skip
def test_a_network_has_one_way_to_be_written(expected: str, text: str) -> None:
    assert str(network(text)) == expected


@pytest.mark.parametrize("text", ["", "192.0.2.1/33", "fe80::1%eth0/64x", "example.com", "192.0.2.1:80"])
def test_what_is_no_network_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear|Only one|unexpected|not permitted"):
        network(text)


@pytest.mark.parametrize(
    ("covering", "overlapping", "one", "other"),
    [
        (True, True, "192.0.2.0/24", "192.0.2.7/32"),
        (False, True, "192.0.2.7/32", "192.0.2.0/24"),
        (True, True, "192.0.2.7/32", "192.0.2.7/32"),
        (False, False, "192.0.2.0/25", "192.0.2.128/25"),
        (False, False, "0.0.0.0/1", "::/1"),
        (True, True, "192.0.2.0/24", "::ffff:192.0.2.7/128"),
    ],
)
def test_overlap_counts_both_ways_and_covering_only_one(
    covering: bool, overlapping: bool, one: str, other: str
) -> None:
    left, right = network(one), network(other)
    assert (covers(left, right), overlap(left, right), overlap(right, left)) == (covering, overlapping, overlapping)
