"""The functions with their state in DynamoDB, as they are deployed: nothing but the tables goes from one to another."""

from collections.abc import Iterator

import pytest

from agent.report import Status
from tests.lambdas import scene
from tests.lambdas.deployment import Deployment, deployed
from tools.ledger import Opened


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("tables"), tables=True) as made:
        yield made


def test_a_run_is_handed_over_through_the_tables_and_contained_by_the_function_that_writes(at: Deployment) -> None:
    (came,) = at.functions["auto"].invoke(scene.event(1))
    assert came == {"run_id": at.row(1).run_id, "handed_over": True}
    done = at.ended(1)
    assert (done.status, at.key_status(1), at.policies(1)) == (Status.CONTAINED, "Inactive", 1), done.reason
    (again,) = at.functions["events"].invoke(scene.event(1))
    assert again["reason"] == f"duplicate: {done.run_id} is contained (finding)"
    assert not (at.home / "ledger.sqlite").exists()
    assert not (at.home / "checkpoints.sqlite").exists()


def test_a_run_that_a_function_left_waiting_is_listed_rejected_and_parked_ones_are_kept(at: Deployment) -> None:
    assert scene.left(at.functions["events"].invoke(scene.sqs(scene.event(2), "{not json"))) == []
    run = at.row(2)
    assert run.status is Status.AWAITING_APPROVAL
    assert run.run_id in at.stanch("approvals", "list")
    at.stanch("approvals", "reject", run.run_id, "--by", "rosa")
    assert (at.ended(2).status, at.key_status(2)) == (Status.REJECTED, "Active")
    assert [parked.body for parked in at.ledger.parked()] == ["{not json"]


def test_a_run_of_a_process_that_died_is_taken_up_by_the_clock_once_its_lease_is_stale(at: Deployment) -> None:
    """What died cannot be seen from another machine: only its silence tells."""
    ledger = at.ledger
    at.lambdas.loses = True
    at.functions["auto"].invoke(scene.event(3))
    at.lambdas.loses = False
    row = at.row(3)
    held = ledger.reopen(row.run_id, "elsewhere:1:1:1", row.updated_at)
    assert isinstance(held, Opened)
    ledger.heartbeat(row.run_id, held.fence, row.updated_at.replace(year=row.updated_at.year - 1))
    assert row.run_id in at.functions["clock"].invoke({})["taken_up"]
    assert (at.ended(3).status, at.key_status(3)) == (Status.CONTAINED, "Inactive")
