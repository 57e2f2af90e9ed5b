"""Every variable has bounds: the extremes that fit are taken, what lies beyond is refused in one line that says what fits."""

from datetime import UTC, datetime
from typing import Any

import pytest
import typer
from annotated_types import Ge, Le
from pydantic import ValidationError

from graphs.bootstrap import configuration
from graphs.configuration import Configuration, fits, variables
from graphs.entrypoints.opening import REFUSED, configured

HUGE = "99999999999"
NUMBERS = {name: field for name, field in Configuration.model_fields.items() if field.annotation is int}
ARN = "arn:aws:sns:eu-west-1:111122223333:"


def bound(name: str, kind: type[Ge] | type[Le]) -> int:
    (found,) = [each for each in NUMBERS[name].metadata if isinstance(each, kind)]
    return int(found.ge if isinstance(found, Ge) else found.le)


# of each field that is no number: what fits at its extremes, and what does not
OTHERS: dict[str, tuple[list[str], list[str]]] = {
    "home": (["any"], []),
    "registry": (["any.yaml"], []),
    "policies": (["any"], []),
    "state": (["sqlite"], ["SQLITE", "postgres"]),
    "mode": (["observe", "approve", "auto"], ["Auto", "yes"]),
    "log_level": (["DEBUG", "ERROR"], ["TRACE", "info"]),
    "samples_are_real": (["true", "false", "1"], ["maybe", HUGE]),
    "since": (
        ["first_start", "ever", "2026-11-20T12:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"],
        ["yesterday", "2026-11-20T12:00:00", "2026-13-01T00:00:00Z", "0", HUGE, "-5", "1.5"],
    ),
    "table": (["abc", "a" * 255, "arn:aws:dynamodb:eu-west-1:111122223333:table/abc"], ["ab", "a" * 256, "a/b c"]),
    "checkpoint_table": (["abc"], ["ab", "a\nb"]),
    "registry_table": (["abc"], ["ab", "arn:aws:s3:::abc"]),
    "archive": (["s3://abc/", "s3://abc/a/b/c/d/"], ["s3://abc", "s3://abc/a/b/c/d/e/", "s3://ab/../"]),
    "model": (["eu.anthropic.claude-sonnet-4-6", "a" * 2048], ["a" * 2049, "two words"]),
    "role_name": (["stanch", "a/b"], ["two words", "a" * 577]),
    "external_id": (["ab", "a" * 1224], ["a", "a" * 1225, "ü" * 3]),
    "region": (["eu-west-1"], ["a" * 101]),
    "actor": (["a" * 200], ["a" * 201]),
    "execute_function": (["stanch-execute:live"], ["a" * 257, "a b"]),
    "events_function": (["stanch-events"], ["a" * 257, "a/b"]),
    "approval_key_secret": (["a/b"], ["a" * 2049, "a b"]),
    "topic": ([ARN + "a", ARN + "a" * 256], ["topic", ARN + "a" * 257, ARN + "a.fifo"]),
    "custom_action": (
        ["arn:aws:securityhub:eu-west-1:111122223333:action/custom/Stanch"],
        ["Stanch", "arn:aws:securityhub:eu-west-1:111122223333:action/custom/", ARN + "a"],
    ),
    "approvals_url": (["https://a.example.com"], ["a.example.com", "javascript:alert(1)", "https://a b"]),
}
FITTING = [(name, value) for name, (good, _) in OTHERS.items() for value in good] + [
    (name, str(bound(name, kind))) for name in NUMBERS for kind in (Ge, Le)
]
UNFIT = [(name, value) for name, (_, bad) in OTHERS.items() for value in bad] + [
    (name, value)
    for name in NUMBERS
    for value in (str(bound(name, Ge) - 1), str(bound(name, Le) + 1), HUGE, "-" + HUGE, "1.5", "many")
]


def test_every_setting_is_in_the_table() -> None:
    assert set(OTHERS) | set(NUMBERS) == set(Configuration.model_fields)


def read(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv(variables(name)[0], value)
    return getattr(configured(), name)


@pytest.mark.parametrize(("name", "value"), FITTING)
def test_what_fits_is_taken_up_to_its_extremes(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(name, value, monkeypatch)
    assert found is not None
    if isinstance(found, datetime):
        assert (found < datetime(2026, 11, 20, 12, tzinfo=UTC)) is (found.year < 2026), "it can be compared"


@pytest.mark.parametrize(("name", "value"), UNFIT)
def test_what_does_not_fit_stops_the_command_and_is_told_what_does(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        read(name, value, monkeypatch)
    told = capsys.readouterr()
    assert (ended.value.exit_code, told.out) == (REFUSED, "")
    assert told.err == f"{variables(name)[0]}: what fits is {fits(name)}\n"


def test_no_error_quotes_a_value_which_may_be_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that cannot start logs the error as it is."""
    monkeypatch.setenv("STANCH_EXTERNAL_ID", "a secret with blanks")
    with pytest.raises(ValidationError) as refused:
        configuration()
    assert "external_id" in str(refused.value)
    assert "a secret" not in str(refused.value)


def test_what_fits_is_said_without_the_words_of_a_library() -> None:
    assert fits("since") == ("`first_start`, `ever`, or a moment with its time zone, like `2026-11-20T12:00:00Z`")
    assert fits("block_hours") == "a whole number from 1 to 8760"
