"""What `stanch policy check` finds that Cedar's validator lets through."""

from pathlib import Path

import pytest
from policy_world import CATALOGUE

from agent.policy import check, run_examples
from agent.policy.examples import load_examples
from agent.policy.source import PolicyError, bundled

GOOD = """@id("open") @outcome("allow") @why("It is a test.")
permit (principal is Stanch::Service, action in Stanch::Action::"contain", resource)
when { context.mode == Stanch::Mode::"auto" };
"""
EXAMPLE = "examples:\n  - {name: It runs., base: key, ruling: allow, policies: [open]}\n"


def directory(tmp_path: Path, cedar: str, examples: str = EXAMPLE) -> Path:
    (tmp_path / "examples").mkdir()
    (tmp_path / "a.cedar").write_text(cedar, encoding="utf-8")
    (tmp_path / "examples" / "a.yaml").write_text(examples, encoding="utf-8")
    base = (bundled() / "examples" / "base.yaml").read_text(encoding="utf-8")
    (tmp_path / "examples" / "base.yaml").write_text(base, encoding="utf-8")
    return tmp_path


def test_a_directory_of_ones_own_is_checked_and_tested(tmp_path: Path) -> None:
    place = directory(tmp_path, GOOD)
    assert check(place, catalogue=CATALOGUE) == []
    assert run_examples(place, catalogue=CATALOGUE) == []


FORBID = GOOD + (
    '@id("f") @outcome("deny") @why("w")\nforbid (principal, action, resource) when { context.severity > 99 };\n'
)
FAULTS = {
    "no reason": (GOOD.replace('@why("It is a test.")', ""), "a.cedar [open]: has no @why"),
    "any principal": (
        GOOD.replace("principal is Stanch::Service", "principal"),
        "a.cedar [open]: permits any principal",
    ),
    "any action": (GOOD.replace('action in Stanch::Action::"contain"', "action"), "a.cedar [open]: permits any action"),
    "no outcome": (GOOD.replace('@outcome("allow")', ""), "a.cedar [open]: its @outcome must be one of allow"),
    "a forbid that says allow": (
        FORBID.replace('"deny"', '"allow"'),
        "a.cedar [f]: its @outcome must be one of ask, deny",
    ),
    "an ask that nothing lifts": (FORBID.replace('"deny"', '"ask"'), 'a.cedar [f]: `@outcome("ask")` is for'),
    "a deny that approval lifts": (
        FORBID.replace("severity > 99", "approver_count == 0"),
        'a.cedar [f]: `@outcome("ask")` is for',
    ),
    "another mode": (GOOD.replace("@outcome", '@mode("off") @outcome'), 'a.cedar [open]: the only @mode is "shadow"'),
    "a character that reverses text": (GOOD.replace("a test", "a \u202etest"), "a.cedar:1: holds U+202E"),
    "a Cyrillic letter": (GOOD.replace("test", "t\u0435st"), "a.cedar:1: holds U+0435 CYRILLIC"),
    "a space of no width": ("// a\u200b\n" + GOOD, "a.cedar:1: holds U+200B"),
    "a carriage return": ("// a\rb\n" + GOOD, "a.cedar:1: holds U+000D"),
    "a policy without an example": (FORBID, "a.cedar [f]: no example is decided by it"),
    "not Cedar": ("permit", "a.cedar: not Cedar"),
}


@pytest.mark.parametrize(("cedar", "fault"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_found_and_placed(tmp_path: Path, cedar: str, fault: str) -> None:
    found = check(directory(tmp_path, cedar), catalogue=CATALOGUE)
    assert any(line.startswith(fault) for line in found), found


BAD_EXAMPLES = {
    "an unknown base": (EXAMPLE.replace("key", "moon"), "a.yaml [It runs.]: there is no base moon"),
    "an unknown fact": (
        EXAMPLE.replace("base: key", "base: key, facts: {colour: red}"),
        "a.yaml [It runs.]: colour: Extra inputs",
    ),
    "an unknown ruling": (EXAMPLE.replace("allow", "maybe"), "a.yaml [It runs.]: ruling"),
    "no list": ("examples: 3\n", "a.yaml: has no list `examples`"),
    "not a mapping": ("- 3\n", "a.yaml: holds something other"),
    "not YAML": ("examples: [", "a.yaml: cannot be read"),
    "an example that is none": ("examples: [3]\n", "a.yaml: : Input should be"),
}


@pytest.mark.parametrize(("examples", "fault"), BAD_EXAMPLES.values(), ids=BAD_EXAMPLES.keys())
def test_examples_that_cannot_be_read_fail_check_and_test_alike(tmp_path: Path, examples: str, fault: str) -> None:
    place = directory(tmp_path, GOOD, examples)
    for found in (check(place, catalogue=CATALOGUE), run_examples(place, catalogue=CATALOGUE)):
        assert len(found) == 1
        assert found[0].startswith(fault), found


def test_a_wrong_example_fails_the_test_and_not_the_check(tmp_path: Path) -> None:
    place = directory(tmp_path, GOOD, EXAMPLE.replace("ruling: allow", "ruling: deny"))
    assert check(place, catalogue=CATALOGUE) == []
    assert run_examples(place, catalogue=CATALOGUE) == ["a.yaml: It runs.: ruling allow, not deny"]


def test_a_directory_without_examples_is_a_policy_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyError):
        load_examples(tmp_path)


@pytest.mark.parametrize("shadow", [False, True], ids=["no permit", "a permit that is only watched"])
def test_a_set_that_permits_nothing_is_no_policy_set(tmp_path: Path, shadow: bool) -> None:
    cedar = GOOD.replace("@outcome", '@mode("shadow") @outcome') if shadow else FORBID.removeprefix(GOOD)
    (fault,) = check(directory(tmp_path, cedar), catalogue=CATALOGUE)
    assert fault.endswith(": permits nothing, so that all is denied: start from a copy of `agent/policy`")


def test_examples_without_their_bases_say_where_those_are(tmp_path: Path) -> None:
    place = directory(tmp_path, GOOD)
    (place / "examples" / "base.yaml").unlink()
    (fault,) = check(place, catalogue=CATALOGUE)
    assert fault.startswith("examples/base.yaml: is not there")
    assert "copy that of `agent/policy`" in fault


def test_an_example_that_fails_says_needs_and_modes_in_words(tmp_path: Path) -> None:
    wrong = EXAMPLE.replace("policies:", "needs: [{count: 2, roles: [owner]}], otherwise: {approve: ask}, policies:")
    (said,) = run_examples(directory(tmp_path, GOOD, wrong), catalogue=CATALOGUE)
    assert "needs [], not [2 people, one of them as owner]" in said
    assert "otherwise nothing, not approve ask" in said
