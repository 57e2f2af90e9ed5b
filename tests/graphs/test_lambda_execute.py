"""The function that makes writes is given a run's id, and refuses everything else in words."""

import logging
from typing import Any

import pytest

from graphs.entrypoints import lambda_execute
from graphs.entrypoints.deployed import Part

MALFORMED: list[Any] = [
    {}, None, [], "run-0123456789ab", 5, {"run": {"a": 1}}, {"run": None}, {"run": ["run-0123456789ab"]}, {"run": ""},
    {"run": "run-0123456789ab\n"}, {"run": "run-' or 1=1"}, {"run": "run-0123456789AB"}, {"run": "x" * 100_000},
    {"run": "run-0123456789ab", "mode": "auto"}, {"Records": []},
]  # fmt: skip


@pytest.mark.parametrize("given", MALFORMED, ids=lambda given: str(given)[:40])
def test_what_names_no_run_is_refused_in_words_before_anything_is_opened(
    given: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def never(part: Part) -> None:
        raise AssertionError(part)

    monkeypatch.setattr(lambda_execute, "deployed", never)
    with caplog.at_level(logging.ERROR):
        assert lambda_execute.handler(given, None) == {"status": "refused", "reason": lambda_execute.WANTED}
    assert caplog.messages == [f"refused: {lambda_execute.WANTED}"]
