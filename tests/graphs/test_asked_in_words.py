"""A card says what it needs, who has answered, how to answer, and what became of what was left out."""

from pathlib import Path
from typing import Any

import pytest
from command import command
from desk import USER, USER_WORLD, Desk, desk, event
from test_approval import TWO_PEOPLE

from agent.policy import Policies
from agent.report import Report
from agent.verdict import Mode, Need
from graphs.answering import MoreNeeded
from graphs.bootstrap import SANDBOX
from graphs.entrypoints.printing import line
from graphs.unmeetable import nobody, unheld
from tools.action import catalogue
from tools.registry import Registry


def waiting(home: Path, also: str = TWO_PEOPLE) -> tuple[Desk, Report]:
    (home / SANDBOX).mkdir()
    at = desk(home / SANDBOX, USER_WORLD, event("guardduty_credential_abuse"), Mode.APPROVE, also=also)
    return at, at.deliver()


def said(home: Path, *words: str) -> str:
    return command(home, *words)[1]


def test_a_card_that_waits_for_a_role_that_nobody_has_says_so_and_so_does_the_answer_to_it(tmp_path: Path) -> None:
    at, run = waiting(tmp_path, TWO_PEOPLE.replace('"owner"', '"oncall"'))
    why = "nobody who may answer is oncall in the registry's `people`"
    assert run.waits_for.endswith(f" UTC; {why}")
    kept: Any = at.say("approve", run, "ivo")
    assert isinstance(kept, MoreNeeded)
    assert kept.words == f"kept; 1 so far (ivo), needs 2 people, one of them as oncall; {why}"


PEOPLE = {"rosa": ["owner"], USER: ["oncall"], "ivo": []}


@pytest.mark.parametrize(
    ("needs", "people", "why"),
    [
        ([Need(count=1)], {}, ""),
        ([Need(count=2)], {}, "has 0 people who may answer"),
        ([Need(count=1, roles=["owner"])], PEOPLE, ""),
        ([Need(count=1, roles=["oncall"])], PEOPLE, "nobody who may answer is oncall"),
        ([Need(count=3)], PEOPLE, "has 2 people who may answer"),
        ([Need(count=3), Need(count=2, roles=["owner"])], PEOPLE, ""),
    ],
)
def test_a_need_can_be_met_by_those_who_are_listed_and_whom_the_finding_is_not_about(
    needs: list[Need], people: dict[str, list[str]], why: str
) -> None:
    told = nobody(needs, {USER}, Registry(people=people))
    assert why in told
    assert bool(told) == bool(why)


def test_who_has_answered_stands_on_the_card_and_in_the_list(tmp_path: Path) -> None:
    at, run = waiting(tmp_path)
    assert "so far" not in said(tmp_path, "approvals", "list")
    at.say("approve", run, "mei")
    for words in (["list"], ["show", run.run_id]):
        assert "so far approved A1 and A2 by mei (analyst)" in said(tmp_path, "approvals", *words)


def test_a_card_names_the_commands_that_answer_it(tmp_path: Path) -> None:
    _, run = waiting(tmp_path)
    told = said(tmp_path, "approvals", "show", run.run_id)
    for way in ("approve RUN", "edit RUN --drop A2", "reject RUN"):
        assert f"stanch approvals {way}".replace("RUN", run.run_id) in told
    assert "stanch approvals show" not in told


def test_what_was_left_out_asks_no_more(tmp_path: Path) -> None:
    at, run = waiting(tmp_path, "")
    at.say("approve", run, "rosa", ["A1"])
    told = said(tmp_path, "explain", run.run_id)
    assert f"A2 {run.actions[1].planned.change.action}" in told
    assert "asked, not approved;" in told
    assert "was asked, not approved." in told
    assert "would have been enough: 1 person" in told
    assert "needs approval" not in told
    assert "needs approval" not in said(tmp_path, "policy", "explain", run.run_id)


def test_a_check_names_a_role_that_nobody_in_the_registry_has() -> None:
    policies = Policies.load(catalogue=catalogue())
    assert unheld(policies, Registry(people={"ann": ["owner"]})) == []
    assert ("prod-shared-two-people", ["incident-commander", "owner"]) in unheld(policies, Registry())


def test_the_runs_of_the_same_case_stand_in_every_telling_of_a_run(tmp_path: Path, capsys: Any) -> None:
    _, run = waiting(tmp_path)
    line(run.model_copy(update={"related": ["sbx-000000000001", "sbx-000000000002"]}))
    told = " ".join(capsys.readouterr().out.split())
    assert "related runs of the same case: sbx-000000000001, sbx-000000000002" in told
