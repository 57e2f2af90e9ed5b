"""What any ledger promises of effects, requests and answers (laws 8 and 9), whichever database keeps it."""

import pytest
from ledger_scene import (
    NOW,
    Database,
    approval,
    change,
    contained,
    deliver,
    later,
    no,
    opened,
    receipt,
    report,
    request,
    waiting,
)

from agent.receipt import Outcome
from agent.report import Status
from tools.ledger import Claim, Claimed, Duplicate, Held, Opened, Unsettled, run_id_for


def test_an_effect_is_claimed_by_one_run_until_it_stands_no_more(kept: Database) -> None:
    ledger = kept.ledger()
    first, second = opened(ledger, "first"), opened(ledger, "second")
    assert ledger.claim(first.run_id, first.fence, change(), NOW) == Claim(first=True)
    assert ledger.claim(second.run_id, second.fence, change(), NOW) == Held(run_id=first.run_id, state="open")
    assert ledger.claim(first.run_id, first.fence, change(), NOW) == Claim(first=False, sent=False)
    ledger.sending(first.run_id, first.fence, change(), NOW)
    assert ledger.claim(first.run_id, first.fence, change(), NOW) == Claim(first=False, sent=True)
    ledger.record(receipt(first, change()), first.fence)
    ledger.close(first.run_id, first.fence, report(first), NOW)
    assert ledger.claim(second.run_id, second.fence, change(), NOW) == Held(run_id=first.run_id, state="standing")
    assert ledger.lapsed(change()) == first.run_id
    assert ledger.lapsed(change()) is None
    taken = Claim(first=True, sent=True, taken_over=first.run_id)
    assert ledger.claim(second.run_id, second.fence, change(), NOW) == taken


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.DONE])
def test_a_claim_that_its_run_left_open_when_it_ended_is_free(kept: Database, outcome: Outcome) -> None:
    ledger = kept.ledger()
    first, second = opened(ledger, "first"), opened(ledger, "second")
    ledger.claim(first.run_id, first.fence, change(), NOW)
    ledger.record(receipt(first, change(), outcome=outcome), first.fence)
    assert ledger.claim(second.run_id, second.fence, change(), NOW) == Held(run_id=first.run_id, state="open")
    ledger.close(first.run_id, first.fence, report(first, Status.PARTIALLY_CONTAINED), NOW)
    assert ledger.claim(second.run_id, second.fence, change(), NOW) == Claim(first=True)
    assert ledger.standing() == []


@pytest.mark.parametrize("outcome", [Outcome.PARTIAL, Outcome.UNSURE])
def test_what_was_done_in_part_stands_until_a_later_run_goes_on_with_it(kept: Database, outcome: Outcome) -> None:
    ledger = kept.ledger()
    first, second = opened(ledger, "first"), opened(ledger, "second")
    assert ledger.claimed(change()) is None
    ledger.claim(first.run_id, first.fence, change(), NOW)
    ledger.sending(first.run_id, first.fence, change(), NOW)
    made = receipt(first, change(), outcome=outcome)
    ledger.record(made, first.fence)
    assert ledger.standing() == [made]
    assert ledger.claim(second.run_id, second.fence, change(), NOW) == Held(run_id=first.run_id, state="open")
    assert not left(ledger.claimed(change()))
    ledger.close(first.run_id, first.fence, report(first, Status.PARTIALLY_CONTAINED), NOW)
    assert left(ledger.claimed(change()))
    anew = change().model_copy(update={"before": {"denied": True}})
    taken = Claim(first=True, sent=True, taken_over=first.run_id)
    assert ledger.claim(second.run_id, second.fence, anew, NOW) == taken
    found = ledger.claimed(change())
    assert found is not None
    assert (found.run_id, found.state, found.sent, found.change) == (second.run_id, "open", True, anew)
    assert ledger.standing() == []
    ledger.record(receipt(second, anew), second.fence)
    assert [each.run_id for each in ledger.standing()] == [second.run_id]


def left(found: Claimed | None) -> bool:
    return found is not None and found.left


@pytest.mark.parametrize("outcome", [Outcome.PARTIAL, Outcome.UNSURE])
def test_what_was_done_in_part_is_listed_as_done_once_it_is_and_no_more_once_it_is_taken_back(
    kept: Database, outcome: Outcome
) -> None:
    ledger = kept.ledger()
    run = opened(ledger)
    ledger.claim(run.run_id, run.fence, change(), NOW)
    ledger.sending(run.run_id, run.fence, change(), NOW)
    ledger.record(receipt(run, change(), outcome=outcome), run.fence)
    ledger.record(receipt(run, change()), run.fence)
    found = ledger.claimed(change())
    assert (found and found.state, [each.outcome for each in ledger.standing()]) == ("standing", [Outcome.DONE])
    ledger.undone(run.run_id, receipt(run, change()), "undone")
    assert (ledger.standing(lapsed=True), left(ledger.claimed(change()))) == ([], False)


def test_a_write_of_a_dead_run_whose_outcome_nobody_kept_is_listed_until_it_is_known(kept: Database) -> None:
    at_work = kept.ledger()
    run = opened(at_work)
    at_work.claim(run.run_id, run.fence, change("untouched"), NOW)
    at_work.claim(run.run_id, run.fence, change(), NOW)
    at_work.sending(run.run_id, run.fence, change(), NOW)
    assert at_work.unsettled(NOW) == []
    silent = [Unsettled(run_id=run.run_id, change=change(), at=NOW)]
    assert at_work.unsettled(later(minutes=5)) == silent
    ledger = kept.ledger(lambda holder: holder != "first")
    assert (ledger.unsettled(NOW), ledger.standing()) == (silent, [])
    again = ledger.open("incident", "1", {}, "auto", "second", NOW)
    assert isinstance(again, Opened)
    assert ledger.unsettled(NOW) == []
    ledger.record(receipt(again, change()), again.fence)
    ledger.close(again.run_id, again.fence, report(again), NOW)
    assert (ledger.unsettled(NOW), len(ledger.standing())) == ([], 1)


def test_a_write_of_an_ended_run_whose_outcome_nobody_kept_is_listed(kept: Database) -> None:
    ledger = kept.ledger()
    run = opened(ledger)
    ledger.claim(run.run_id, run.fence, change(), NOW)
    ledger.sending(run.run_id, run.fence, change(), NOW)
    ledger.close(run.run_id, run.fence, report(run, Status.FAILED), NOW)
    assert [each.run_id for each in ledger.unsettled(NOW)] == [run.run_id]


def test_what_lapsed_is_listed_apart_until_it_is_taken_back(kept: Database) -> None:
    ledger = kept.ledger()
    run = contained(ledger)
    assert ledger.standing(lapsed=True) == ledger.standing()
    ledger.undone(run.run_id, receipt(run, change()), "lapsed")
    assert (ledger.standing(), ledger.standing(lapsed=True)) == ([], [receipt(run, change())])
    assert left(ledger.claimed(change()))
    ledger.undone(run.run_id, receipt(run, change()), "undone")
    assert (ledger.standing(lapsed=True), left(ledger.claimed(change()))) == ([], False)


def test_a_claim_in_part_under_which_nothing_was_written_is_given_back(kept: Database) -> None:
    ledger = kept.ledger()
    run = opened(ledger)
    ledger.claim(run.run_id, run.fence, change(), NOW)
    ledger.sending(run.run_id, run.fence, change(), NOW)
    ledger.record(receipt(run, change(), outcome=Outcome.PARTIAL), run.fence)
    ledger.release(run.run_id, change())
    assert (ledger.standing(), ledger.claimed(change())) == ([], None)


def test_a_claim_that_is_given_back_is_free_and_only_its_run_may_give_it_back(kept: Database) -> None:
    ledger = kept.ledger()
    first, second = opened(ledger, "first"), opened(ledger, "second")
    ledger.claim(first.run_id, first.fence, change(), NOW)
    ledger.release(second.run_id, change())
    assert ledger.claim(second.run_id, second.fence, change(), NOW) == Held(run_id=first.run_id, state="open")
    ledger.release(first.run_id, change())
    assert ledger.claim(second.run_id, second.fence, change(), NOW) == Claim(first=True)
    ledger.record(receipt(second, change()), second.fence)
    ledger.release(second.run_id, change())
    assert [each.run_id for each in ledger.standing()] == [second.run_id]


def test_what_stands_is_listed_as_it_was_last_recorded_the_oldest_first(kept: Database) -> None:
    ledger = kept.ledger()
    late = contained(ledger, "late", change("user-2"), later(hours=1))
    early = contained(ledger, "early", change("user-1"))
    again = receipt(early, change("user-1")).model_copy(update={"detail": "read back"})
    ledger.record(again, early.fence)
    assert ledger.standing() == [again, receipt(late, change("user-2"))]


@pytest.mark.parametrize("state", ["undone", "lapsed"])
def test_what_was_taken_back_stands_no_more_and_may_be_made_by_the_next_generation(kept: Database, state: str) -> None:
    ledger = kept.ledger()
    run = contained(ledger)
    back = receipt(run, change(), outcome=Outcome.UNDONE, undo_of="A1")
    ledger.record(back, run.fence)
    assert [each.outcome for each in ledger.standing()] == [Outcome.DONE]
    ledger.undone("run-of-another", back, state)  # type: ignore[arg-type]  # pytest hands over a text
    assert len(ledger.standing()) == 1
    ledger.undone(run.run_id, back, state)  # type: ignore[arg-type]  # pytest hands over a text
    ledger.amend(report(run, Status(state)), NOW)
    assert ledger.standing() == []
    assert ledger.receipts(run.run_id) == [receipt(run, change()), back]
    second = deliver(ledger)
    assert isinstance(second, Opened)
    left_over = Claim(first=True, sent=True, taken_over=run.run_id)
    taken = ledger.claim(second.run_id, second.fence, change(), NOW)
    assert taken == (left_over if state == "lapsed" else Claim(first=True))
    ledger.record(receipt(second, change()), second.fence)
    assert [each.run_id for each in ledger.standing()] == [second.run_id]


def test_a_receipt_of_what_another_run_holds_is_kept_and_does_not_stand(kept: Database) -> None:
    ledger = kept.ledger()
    contained(ledger, "first")
    second = opened(ledger, "second")
    ledger.record(receipt(second, change()), second.fence)
    assert ledger.receipts(second.run_id) == [receipt(second, change())]
    assert [each.run_id for each in ledger.standing()] == [run_id_for("first", 0)]


def test_receipts_come_in_the_order_of_their_actions(kept: Database) -> None:
    ledger = kept.ledger()
    run = opened(ledger)
    made = [receipt(run, change(f"user-{number}"), f"A{number}") for number in (10, 2, 1)]
    for each in [*made, receipt(run, change("user-1"), "A1", Outcome.UNDONE, undo_of="A1")]:
        ledger.record(each, run.fence)
    assert [(each.action_id, each.undo_of) for each in ledger.receipts(run.run_id)] == [
        ("A1", None), ("A1", "A1"), ("A10", None), ("A2", None),
    ]  # fmt: skip


def test_an_effect_is_needed_until_its_time_or_until_a_run_says_no_more(kept: Database) -> None:
    ledger = kept.ledger()
    ledger.need("run-b", change(), later(hours=1))
    ledger.need("run-a", change(), later(hours=2))
    ledger.need("run-a", change("another"), later(hours=9))
    assert ledger.needed(change(), NOW) == ["run-a", "run-b"]
    assert ledger.needed(change(), later(hours=1)) == ["run-a"]
    ledger.need("run-b", change(), later(hours=3))
    ledger.unneeded("run-a", change())
    ledger.unneeded("run-c", change())
    assert ledger.needed(change(), later(hours=1)) == ["run-b"]
    assert ledger.needed(change("another"), NOW) == ["run-a"]


def test_a_later_request_stands_in_place_of_an_earlier_one(kept: Database) -> None:
    ledger = kept.ledger()
    run = opened(ledger)
    ledger.ask(request(run), NOW, "1f0-1")
    ledger.ask(request(run, "later"), NOW, "1f0-2")
    assert (ledger.request(run.run_id), ledger.waits_at(run.run_id)) == (request(run, "later"), "1f0-2")


def test_answers_are_to_one_run_and_one_digest_the_oldest_first(kept: Database) -> None:
    ledger = kept.ledger()
    run, other = waiting(ledger), waiting(ledger, "other")
    first = approval(run, "nonce-z", at=NOW, decision="reject")
    second = approval(run, "nonce-a", at=later(minutes=1))
    for each in (first, second, approval(run, "nonce-m", "another-digest"), approval(other, "nonce-o")):
        assert ledger.answer(each)
    assert ledger.answers(run.run_id, "digest") == [first, second]
    found = deliver(ledger)
    assert isinstance(found, Duplicate)
    assert found.answers == [first, second]


def test_many_answers_are_all_there(kept: Database) -> None:
    ledger = kept.ledger()
    run = waiting(ledger)
    given = [approval(run, f"nonce-{number:03d}") for number in range(60)]
    assert all(map(ledger.answer, given))
    found = deliver(ledger)
    assert isinstance(found, Duplicate)
    assert found.answers == ledger.answers(run.run_id, "digest") == given


def test_a_nonce_is_used_once_in_the_whole_ledger(kept: Database) -> None:
    run, other = waiting(kept.ledger()), waiting(kept.ledger(), "other")
    assert kept.ledger().answer(approval(run))
    assert not kept.ledger().answer(approval(run))
    assert not kept.ledger().answer(approval(other))
    assert kept.ledger().answers(other.run_id, "digest") == []


def test_an_answer_to_a_run_that_nobody_opened_here_is_kept(kept: Database) -> None:
    assert kept.ledger().answer(approval("run-elsewhere"))
    assert kept.ledger().answers("run-elsewhere", "digest") == [approval("run-elsewhere")]
    assert not kept.ledger().answer(approval("run-elsewhere"))


def test_an_approval_works_for_the_run_and_digest_it_was_given_for_and_for_no_other(kept: Database) -> None:
    ledger = kept.ledger()
    run, other = waiting(ledger), waiting(ledger, "other")
    given = approval(run)
    assert not ledger.consume(given, run.run_id)
    ledger.answer(given)
    assert not ledger.consume(given, other.run_id)
    assert not ledger.consume(given.model_copy(update={"digest": "another"}), run.run_id)
    assert not ledger.consume(given.model_copy(update={"run_id": other.run_id}), other.run_id)
    assert ledger.consume(given, run.run_id)
    assert kept.ledger().consume(given, run.run_id)
    assert not ledger.consume(given.model_copy(update={"digest": "another"}), run.run_id)
    assert not ledger.consume(given, other.run_id)


def test_what_a_person_refused_is_known_until_it_is_accepted_whatever_becomes_of_the_run(kept: Database) -> None:
    run, other = waiting(kept.ledger()), no(user="bob")
    assert kept.ledger().answer(approval(run, decision="reject"), [no(), other])
    taken = kept.ledger().reopen(run.run_id, "second", NOW)
    assert isinstance(taken, Opened)
    kept.ledger().close(run.run_id, taken.fence, report(run, Status.REJECTED), NOW)
    keys = [no().key, other.key, no(user="eve").key]
    assert kept.ledger().refused(keys) == {no().key: no(), other.key: other}
    kept.ledger().accept([no()])
    assert kept.ledger().refused(keys) == {other.key: other}
    assert kept.ledger().refused([]) == {}


def test_a_later_refusal_stands_in_place_of_an_earlier_one_and_is_not_forgotten_with_it(kept: Database) -> None:
    run, later_one = waiting(kept.ledger()), no("nonce-2", at=later(minutes=1))
    kept.ledger().answer(approval(run), [no()])
    kept.ledger().answer(approval(run, "nonce-2"), [later_one])
    kept.ledger().accept([no()])
    assert kept.ledger().refused([no().key]) == {no().key: later_one}


def test_an_answer_that_is_not_kept_refuses_nothing(kept: Database) -> None:
    run = waiting(kept.ledger())
    kept.ledger().answer(approval(run))
    assert not kept.ledger().answer(approval(run), [no()])
    assert kept.ledger().refused([no().key]) == {}


def test_what_was_made_stays_known_by_its_place_to_every_process(kept: Database) -> None:
    for resource in ("sg-b", "sg-a", "sg-b"):
        kept.ledger().keep_made("111122223333:eu-west-1", resource)
    kept.ledger().keep_made("111122223333:us-east-1", "sg-c")
    ledger = kept.ledger()
    assert ledger.made("111122223333:eu-west-1") == ["sg-a", "sg-b"]
    assert (ledger.made("111122223333:us-east-1"), ledger.made("444455556666:eu-west-1")) == (["sg-c"], [])
