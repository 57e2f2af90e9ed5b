"""Which tags protect, and which addresses come from the internet."""

import pytest

from agent.addresses import is_public, parse
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
