"""A beat is told from chance, from a lasting connection, and from what is too fast for the log."""

import pytest

from agent.beats import beats


def every(seconds: int, count: int, lasting: int = 5, jitter: tuple[int, ...] = (0,)) -> list[tuple[int, int]]:
    starts = [number * seconds + jitter[number % len(jitter)] for number in range(count)]
    return [(start, start + lasting) for start in starts]


CASES: list[tuple[str, list[tuple[int, int]], int, bool | None]] = [
    ("every half hour", every(1800, 12), 600, True),
    ("every five minutes in a log of one minute", every(300, 12), 60, True),
    ("with some jitter", every(1800, 12, jitter=(0, 120, -90)), 600, True),
    ("with one beat missed", [span for n, span in enumerate(every(1800, 12)) if n != 4], 600, True),
    ("in any order", every(1800, 12)[::-1], 600, True),
    ("too few", every(1800, 5), 600, False),
    ("none", [], 600, False),
    ("a person's clicks", [(start, start + 5) for start in (0, 700, 9000, 9900, 30000, 31000, 44000)], 60, False),
    ("a lasting connection, cut by the log", every(600, 40, lasting=600), 600, None),
    ("a beat that the log is too slow for", every(60, 400), 600, None),
    ("two logs that saw the same", every(1800, 12) + every(1800, 12, lasting=9), 600, True),
]


@pytest.mark.parametrize(("spans", "window", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_said_of_these_contacts(spans: list[tuple[int, int]], window: int, said: bool | None) -> None:
    assert beats(spans, window) is said
