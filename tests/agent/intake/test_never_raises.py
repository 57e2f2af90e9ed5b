"""Whatever arrives, parsing answers with findings and refusals of the closed list, and never with an exception."""

import copy
import json
import random
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.finding import Finding, Reason, Refusal

EVENTS = [
    json.loads(path.read_text()) for path in sorted((Path(__file__).parents[2] / "data" / "events").glob("*.json"))
]
NAMES = sorted({name for event in EVENTS for name in (*event, *event.get("detail", {}))})

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=40)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), inner, max_size=6)
    ),
    max_leaves=20,
)
JUNK = [
    None,
    True,
    -1,
    10**400,
    1e308,
    float("nan"),
    "",
    "\ud800",
    "\x00\n",
    "x" * 9000,
    [],
    {},
    [[]],
    [None],
    {"a": {}},
    "null",
]
JUNK += ["arn:aws:s3:::", "arn:aws:iam::111122223333:user/", "::::::", "1" * 12, "{}", "[" * 5000, {"Status": []}]


def assert_answered(found):
    assert found
    for item in found:
        if isinstance(item, Refusal):
            assert item.reason in Reason
            assert item.where
            assert len(item.detail) <= 200
            assert item.detail.replace("…", "").isprintable()
        else:
            assert isinstance(item, Finding)
            assert all(target.account == item.account and target.id.isascii() for target in item.targets)
            assert all(name.isprintable() and len(name) <= 256 for name in item.named_resources)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=ANY_JSON)
def test_any_json_is_answered(body, read):
    assert_answered(read(body))


def places(value, path=()):
    """Every path into a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield (*path, name)
        yield from places(item, (*path, name))


def changed(body, path, junk):
    """The body with one value replaced, or taken out where the junk is this function itself."""
    body = copy.deepcopy(body)
    inner = body
    for name in path[:-1]:
        inner = inner[name]
    if junk is changed:
        del inner[path[-1]]
    else:
        inner[path[-1]] = junk
    return body


def test_every_single_value_of_every_example_may_be_missing_or_junk(read):
    dice = random.Random(7)  # noqa: S311  # repeatable choices, no secret
    for event in EVENTS:
        for path in places(event):
            for junk in (changed, *dice.sample(JUNK, 3)):
                assert_answered(read(changed(event, path, junk)))


MUTATIONS = 28
"""Of each recorded line: ten thousand in all."""


def test_recorded_lines_with_a_few_values_changed_are_answered(corpus, read):
    dice, mutated = random.Random(11), 0  # noqa: S311  # repeatable choices, no secret
    for name in ("guardduty", "securityhub_asff", "securityhub_ocsf", "macie", "inspector", "other"):
        for line in (corpus / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            body = json.loads(line)["finding"]
            for _ in range(MUTATIONS):
                # one to four values at once, each time from the line as it was recorded
                other = body
                for _ in range(dice.randint(1, 4)):
                    ways = list(places(other))
                    other = changed(other, dice.choice(ways), dice.choice([changed, *JUNK])) if ways else other
                assert_answered(read(other))
                mutated += 1
    assert mutated >= 10_000
