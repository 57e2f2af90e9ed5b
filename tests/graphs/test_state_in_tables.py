"""A run whose state is in DynamoDB: the same outcome, few requests, and nothing written twice wherever its process dies."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from desk import BUCKET_WORLD, KEY, USER_WORLD, Desk, desk, event
from table_desk import CHECKPOINT_TABLE, TOOLING, Killed, Tables, aws_writes, tables

from agent.event import Event
from agent.report import Report, Status
from agent.verdict import Mode
from graphs.came import HandedOver
from graphs.undo import undo_run
from tools.archive import S3Archive

GUARDDUTY, HUB = "guardduty_credential_abuse", "securityhub_s3_public"
WRITTEN = ["iam:PutUserPolicy", "iam:UpdateAccessKey"]
FIGURES = Path(__file__).parents[2] / "docs" / "state.md"


def asked_of_tables(at: Tables) -> Counter[str]:
    return Counter(call.operation for call in at.at.calls if call.service == "dynamodb")


def figures() -> dict[str, dict[str, int]]:
    """The requests that docs/state.md says each thing costs."""
    _, _, table = FIGURES.read_text(encoding="utf-8").partition("<!-- figures, held by a test -->\n")
    lines = [line[1:-1].split("|") for line in table.splitlines() if line.startswith("|")]
    head, _, *rows = [[cell.strip(" `") for cell in cells] for cells in lines]
    return {row[0]: {name: int(cell) for name, cell in zip(head[1:], row[1:], strict=True)} for row in rows}


def said(name: str) -> Counter[str]:
    of_it = {key: value for key, value in figures()[name].items() if key not in ("in all", "chains")}
    assert sum(of_it.values()) == figures()[name]["in all"]
    return Counter({key: value for key, value in of_it.items() if value})


def archived(folder: Path, mode: Mode) -> Tables:
    """Tables, and a bucket that locks the case files."""
    folder.mkdir()
    at = tables(folder, USER_WORLD, event(GUARDDUTY), mode)
    client = at.at.sandbox.client("s3", TOOLING, "us-east-1")
    client.create_bucket(Bucket="case-files", ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 400}}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    client.put_object_lock_configuration(Bucket="case-files", ObjectLockConfiguration=lock)
    at.at.service = replace(at.at.service, archive=S3Archive(client, "case-files"))
    at.at = at.another_process()
    at.at.calls.clear()
    return at


def costs(at: Tables, name: str) -> None:
    """It cost the tables and the bucket what the docs say; from here on it is counted anew."""
    assert asked_of_tables(at) == said(name)
    chains = figures()[name]["chains"]
    kept = Counter(call.operation for call in at.at.calls if call.service == "s3")
    assert kept == Counter({"PutObject": chains, "GetObjectRetention": chains} if chains else {})
    at.at.calls.clear()


def test_a_run_a_question_an_answer_a_duplicate_and_an_undo_cost_as_many_requests_as_the_docs_say(
    tmp_path: Path,
) -> None:
    at = archived(tmp_path / "auto", Mode.AUTO)
    run = at.at.deliver()
    assert run.status is Status.CONTAINED
    costs(at, "a run that contains, from delivery to report")
    assert at.at.deliver().status is Status.SKIPPED
    assert [call.name for call in at.at.calls] == ["dynamodb:Query"]
    costs(at, "a duplicate")
    assert isinstance(undo_run(at.another_process().service, run.run_id, None, "rosa"), Report)
    costs(at, "an undo of the run, in another process")
    at = archived(tmp_path / "approve", Mode.APPROVE)
    run = at.at.deliver()
    costs(at, "a run that comes to a question")
    assert at.another_process().say("approve", run).status is Status.CONTAINED
    costs(at, "its answer, and the rest, in another process")


def worked(at: Desk, next_process: Callable[[], Desk]) -> list[tuple[str, str, str]]:
    """What a run says at each step: delivered, answered, taken back, delivered again, each by a process of its own."""
    said = [at.deliver()]
    if said[0].status is Status.AWAITING_APPROVAL:
        said.append(next_process().say("approve", said[0]))
    said.append(undo_run(next_process().service, said[0].run_id, None, "rosa"))  # type: ignore[arg-type]  # checked below
    said.append(next_process().deliver())
    assert all(isinstance(each, Report) for each in said)
    return [(each.run_id, each.status, each.reason) for each in said]


def test_a_checkpoint_after_each_step_would_cost_what_the_docs_say_it_would(tmp_path: Path) -> None:
    at = tables(tmp_path, USER_WORLD, event(GUARDDUTY), Mode.AUTO, by_phase=False)
    assert at.at.deliver().status is Status.CONTAINED
    assert asked_of_tables(at) == said("the same run, stored after each step")


@pytest.mark.parametrize(
    ("name", "text", "mode"), [(GUARDDUTY, USER_WORLD, Mode.APPROVE), (HUB, BUCKET_WORLD, Mode.AUTO)]
)
def test_a_run_in_tables_says_and_does_what_a_run_in_a_file_does(
    tmp_path: Path, name: str, text: str, mode: Mode
) -> None:
    in_file = desk(tmp_path, text, event(name), mode)
    expected = worked(in_file, lambda: in_file), aws_writes(in_file)
    at = tables(tmp_path, text, event(name), mode)
    assert (worked(at.at, at.another_process), aws_writes(at.at)) == expected
    assert expected[1] != []


def handed_over(at: Tables) -> str:
    """The run that the function which makes no writes leaves."""
    first = at.another_process(hand_over=True)
    (came,) = first.runs.arrive(Event(body=first.body, received_at=first.sandbox.now(), via="sqs"))
    assert isinstance(came, HandedOver)
    assert aws_writes(at.at) == []
    return came.run_id


def test_a_run_that_is_handed_over_goes_on_from_its_checkpoint_in_the_function_that_writes(tmp_path: Path) -> None:
    at = tables(tmp_path, USER_WORLD, event(GUARDDUTY))
    run = handed_over(at)
    assert [row.run_id for row in at.at.service.ledger.idle(at.at.sandbox.now())] == [run]
    done = at.another_process().runs.pick_up(run)
    assert isinstance(done, Report)
    assert (done.status, aws_writes(at.at)[:2]) == (Status.CONTAINED, WRITTEN)
    assert done.fallback_reason is None


def test_a_run_whose_checkpoint_is_lost_on_the_way_to_the_function_that_writes_fails_and_writes_nothing(
    tmp_path: Path,
) -> None:
    at = tables(tmp_path, USER_WORLD, event(GUARDDUTY))
    run = handed_over(at)
    expected = at.at.service.ledger.waits_at(run)
    for item in at.items():
        at.client.delete_item(TableName=CHECKPOINT_TABLE, Key={"PK": item["PK"], "SK": item["SK"]})
    done = at.another_process().runs.pick_up(run)
    assert isinstance(done, Report)
    assert (done.status, aws_writes(at.at)) == (Status.FAILED, [])
    assert done.reason.startswith(
        f"{run} was left at checkpoint {expected}, and the newest that is there is none at all"
    )


def killed(at: Tables, number: int, *, after: bool) -> list[str]:
    """The names of the calls until the process was gone."""
    seen = at.kill_at(number, after=after)
    with pytest.raises(Killed):
        at.at.deliver()
    at.revive()
    return seen[:number]


def chosen(names: list[str], every: int) -> list[int]:
    """Each write of a checkpoint and to the account, and of the ledger's writes every so many."""
    ledger = [n for n, name in enumerate(names, 1) if name == "dynamodb:TransactWriteItems"]
    writes = [n for n, name in enumerate(names, 1) if name in ("dynamodb:PutItem", *WRITTEN)]
    return sorted({*writes, *ledger[:: 4 * every]})


@pytest.mark.parametrize("after", [True, False], ids=["after it took effect", "before it left"])
def test_a_run_killed_at_a_write_of_its_state_ends_contained_by_another_process_and_writes_once(
    tmp_path: Path, after: bool, every: int
) -> None:
    at = tables(tmp_path, USER_WORLD, event(GUARDDUTY))
    assert at.at.deliver().status is Status.CONTAINED
    names = [call.name for call in at.at.calls]
    for number in chosen(names, every):
        at = tables(tmp_path, USER_WORLD, event(GUARDDUTY))
        assert killed(at, number, after=after)[-1] == names[number - 1]
        at.at.wait(minutes=2)
        done = at.another_process().deliver()
        wrote = Counter(name for name in aws_writes(at.at) if name in WRITTEN)
        # the answer to a write that was about to leave is not known: it may be sent twice only if it never took effect
        expected = Counter({name: 1 + (not after and names[number - 1] == name) for name in WRITTEN})
        where = f"killed at call {number}, {names[number - 1]}"
        assert wrote == expected, where
        assert done.status is Status.CONTAINED or "duplicate" in done.reason, f"{where}: {done.reason}"
        (row,) = at.at.service.ledger.runs()
        assert row.status is Status.CONTAINED, where
        assert not at.at.works(KEY)
