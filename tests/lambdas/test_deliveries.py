"""Deliveries as queues make them: killed on the way, twice, at once, lost, and poisoned; the processes are real."""

import json
from concurrent.futures import wait

from agent.report import Status
from tests.lambdas import scene
from tests.lambdas.deployment import Deployment, until
from tests.lambdas.runtime import Answering, served


def test_a_run_is_handed_over_before_its_first_write_and_ends_contained_elsewhere(at: Deployment) -> None:
    (came,) = at.functions["auto"].invoke(scene.event(1))
    assert came == {"run_id": at.row(1).run_id, "handed_over": True}
    done = at.ended(1)
    assert (done.status, done.answered_by) == (Status.CONTAINED, "playbook over sandbox Converse"), done.reason
    assert (at.row(1).handed_over, at.lambdas.invoked[-1]) == (True, ("execute", {"run": done.run_id}))
    assert (at.key_status(1), at.policies(1)) == ("Inactive", 1)


def test_a_run_whose_hand_over_is_lost_is_taken_up_by_the_clock(at: Deployment) -> None:
    at.lambdas.loses = True
    assert left_of(at, "auto", scene.sqs(scene.event(2))) == []
    at.lambdas.loses = False
    row = at.row(2)
    assert (row.status, row.handed_over, at.key_status(2)) == (None, True, "Active")
    assert at.functions["clock"].invoke({})["taken_up"] == {row.run_id: "handed_over"}
    assert (at.ended(2).status, at.key_status(2)) == (Status.CONTAINED, "Inactive")


def test_a_message_of_a_killed_process_is_delivered_again_and_its_run_taken_over(at: Deployment) -> None:
    """The process is killed while it waits for CloudTrail: that never answers it."""
    asked: list[str] = []

    class Silent(Answering):
        def do_POST(self) -> None:  # noqa: N802 - name of http.server
            asked.append(self.path)
            until(lambda: None, seconds=3600)

    with served(Silent) as silent:
        doomed = at.start("doomed", "lambda_events", STANCH_MODE="auto", AWS_ENDPOINT_URL_CLOUDTRAIL=f"http://{silent}")
        doomed.send(scene.sqs(scene.event(3)))
        until(lambda: asked)
        assert left_of(at, "auto", scene.sqs(scene.event(3))) == ["m0"], "a living run is left for later"
        doomed.kill()
    run = at.row(3)
    assert run.status is None
    assert left_of(at, "auto", scene.sqs(scene.event(3), receives=2)) == []
    assert (at.ended(3).run_id, at.ended(3).status) == (run.run_id, Status.CONTAINED)
    assert (at.key_status(3), at.policies(3)) == ("Inactive", 1)


def test_two_deliveries_at_once_are_one_run(at: Deployment) -> None:
    both = [at.functions[name].send(scene.sqs(scene.event(4))) for name in ("events", "auto")]
    wait(both, 60)
    left = [scene.left(one.result()) for one in both]
    row = at.row(4)
    if row.mode == "auto":
        assert at.ended(4).status is Status.CONTAINED
    else:
        assert row.status is Status.AWAITING_APPROVAL
    assert sorted(left) in ([[], []], [[], ["m0"]])
    runs = [run for run in at.ledger.runs() if run.incident == row.incident]
    assert [run.generation for run in runs] == [0]
    assert left_of(at, "auto", scene.sqs(scene.event(4), receives=2)) == []


def test_a_delivery_that_came_before_changes_nothing(at: Deployment) -> None:
    assert left_of(at, "events", scene.sqs(scene.event(5))) == []
    before, invoked = at.row(5), len(at.lambdas.invoked)
    assert before.status is Status.AWAITING_APPROVAL
    assert left_of(at, "auto", scene.sqs(scene.event(5), scene.event(5))) == []
    bare = {"finding": scene.event(5)["detail"]["findings"][0]}
    (report,) = at.functions["events"].invoke(bare)
    assert report["reason"].startswith(f"duplicate: {before.run_id} is awaiting_approval")
    assert (at.row(5), len(at.lambdas.invoked)) == (before, invoked)


def test_poison_is_parked_and_fails_no_other_message(at: Deployment) -> None:
    malformed = scene.event(6)
    malformed["detail"]["findings"][0]["AwsAccountId"] = 5
    batch = scene.sqs("{not json", malformed, scene.event(6))
    assert left_of(at, "events", batch) == []
    assert at.row(6).status is Status.AWAITING_APPROVAL
    kept = {parked.body: parked for parked in at.ledger.parked()}
    assert kept["{not json"].reason == "not JSON at line 1, column 2: Expecting property name enclosed in double quotes"
    assert "AwsAccountId" in kept[json.dumps(malformed)].reason
    shown = at.stanch("parked", "list")
    assert all(parked.id in shown for parked in kept.values())
    assert "dropped" in at.stanch("parked", "drop", kept["{not json"].id)
    assert [parked.body for parked in at.ledger.parked()] == [json.dumps(malformed)]


def test_a_message_that_always_crashes_is_parked_and_can_be_tried_again(at: Deployment) -> None:
    """Nothing answers this function's calls. Whether it dies of it or is killed, the queue counts."""
    broken = at.start("broken", "lambda_events", AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")
    message = scene.event(7)
    assert scene.left(broken.invoke(scene.sqs(message, receives=3))) == ["m0"]
    assert scene.left(broken.invoke(scene.sqs(message, receives=4))) == []
    (parked,) = [one for one in at.ledger.parked() if one.body == json.dumps(message)]
    assert parked.reason.startswith("failed 4 times, last with ")
    assert scene.left(broken.invoke(scene.sqs(message, receives=5))) == []
    (again,) = [one for one in at.ledger.parked() if one.body == json.dumps(message)]
    assert (again.id, again.reason) == (parked.id, "received 5 times, and never worked to an end")
    assert at.row(7) is None
    at.stanch("parked", "retry", parked.id)
    assert at.row(7).status is Status.AWAITING_APPROVAL
    assert parked.id not in {one.id for one in at.ledger.parked()}


def left_of(at: Deployment, function: str, batch: object) -> list[str]:
    return scene.left(at.functions[function].invoke(batch))
