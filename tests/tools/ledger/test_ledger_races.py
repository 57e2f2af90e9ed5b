"""Many at once, each as a process of its own: one gets it, and the others are told so (law 8)."""

import threading
from collections import Counter
from typing import Any

from ledger_scene import NOW, Database, Deed, approval, change, opened, result, waiting

from tools.ledger import Busy, Claim, Held, Ledger, Opened

CROWD = 6


def at_once(kept: Database, deeds: list[Deed]) -> list[Any]:
    """What came of each, all done at the same moment by as many processes."""
    ready, came = threading.Barrier(len(deeds)), [None] * len(deeds)

    def run(number: int) -> None:
        ledger = kept.ledger()
        ready.wait()
        came[number] = result(deeds[number], ledger)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came


def test_of_many_deliveries_at_once_one_opens_the_run(kept: Database) -> None:
    came = at_once(kept, [lambda ledger, n=n: opened_by(ledger, f"holder-{n}") for n in range(CROWD)])
    (won,) = [each for each in came if isinstance(each, Opened)]
    assert won == Opened(run_id=won.run_id, generation=0, fence=1, resumed=False)
    assert sum(isinstance(each, Busy) for each in came) == CROWD - 1
    assert len(kept.ledger().runs()) == 1


def opened_by(ledger: Ledger, holder: str) -> object:
    return ledger.open("incident", "1", {}, "auto", holder, NOW)


def test_of_many_that_take_a_waiting_run_one_gets_it(kept: Database) -> None:
    run = waiting(kept.ledger())
    came = at_once(kept, [lambda ledger, n=n: ledger.reopen(run.run_id, f"holder-{n}", NOW) for n in range(CROWD)])
    assert [each.fence for each in came if isinstance(each, Opened)] == [2]
    assert sum(isinstance(each, Busy) for each in came) == CROWD - 1


def test_of_many_runs_that_claim_an_effect_one_gets_it(kept: Database) -> None:
    runs = [opened(kept.ledger(), f"incident-{number}") for number in range(CROWD)]
    came = at_once(kept, [lambda ledger, run=run: ledger.claim(run.run_id, run.fence, change(), NOW) for run in runs])
    (winner,) = [run for run, each in zip(runs, came, strict=True) if each == Claim(first=True)]
    assert came.count(Held(run_id=winner.run_id, state="open")) == CROWD - 1


def test_of_many_that_use_a_nonce_one_does(kept: Database) -> None:
    run = waiting(kept.ledger())
    came = at_once(kept, [lambda ledger: ledger.answer(approval(run)) for _ in range(CROWD)])
    assert Counter(came) == {True: 1, False: CROWD - 1}
    assert kept.ledger().answers(run.run_id, "digest") == [approval(run)]


def test_an_approval_that_many_use_at_once_counts_for_its_run_alone(kept: Database) -> None:
    ledger = kept.ledger()
    run, other = waiting(ledger), waiting(ledger, "other")
    ledger.answer(approval(run))
    users = [run.run_id, other.run_id] * (CROWD // 2)
    came = at_once(kept, [lambda ledger, user=user: ledger.consume(approval(run), user) for user in users])
    assert came == [user == run.run_id for user in users]


def test_a_holder_that_beats_while_it_works_loses_nothing(kept: Database) -> None:
    """Heartbeats come from a thread of their own, in the middle of everything else."""
    run = opened(kept.ledger())
    beats: list[Deed] = [lambda ledger: ledger.heartbeat(run.run_id, run.fence, NOW)] * 3
    work: list[Deed] = [
        lambda ledger, n=n: ledger.claim(run.run_id, run.fence, change(f"user-{n}"), NOW) for n in range(3)
    ]
    assert at_once(kept, [*beats, *work]) == [None] * 3 + [Claim(first=True)] * 3
