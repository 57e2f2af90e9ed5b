"""Connections of the SQLite ledger are kept between transactions, and never outlive what they were opened on."""

import multiprocessing
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from tools.ledger.connections import KEPT, Connections


@pytest.fixture
def kept(tmp_path: Path) -> Connections:
    """Over a file with one empty table."""
    made = Connections(filled(tmp_path / "some.sqlite", []), "OFF")
    with made.lent():
        pass
    return made


def filled(path: Path, words: list[str]) -> Path:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE said (word TEXT)")
    db.executemany("INSERT INTO said VALUES (?)", [(word,) for word in words])
    db.commit()
    db.close()
    return path


def say(connections: Connections, word: str) -> None:
    with connections.lent() as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO said VALUES (?)", (word,))
        db.execute("COMMIT")


def fail(connections: Connections) -> None:
    with connections.lent() as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO said VALUES ('half')")
        raise ZeroDivisionError


def said(connections: Connections) -> list[str]:
    with connections.lent() as db:
        return [row["word"] for row in db.execute("SELECT word FROM said ORDER BY word")]


def test_one_connection_serves_one_transaction_after_the_other(kept: Connections) -> None:
    with kept.lent() as first:
        pass
    with kept.lent() as second:
        assert second is first


def test_a_file_that_was_put_in_the_place_of_another_is_the_one_that_is_read(kept: Connections, tmp_path: Path) -> None:
    say(kept, "old")
    os.replace(filled(tmp_path / "new.sqlite", ["new"]), tmp_path / "some.sqlite")
    assert said(kept) == ["new"]


def test_what_a_failed_transaction_left_open_is_never_lent_again(kept: Connections) -> None:
    with pytest.raises(ZeroDivisionError):
        fail(kept)
    say(kept, "whole")
    assert said(kept) == ["whole"]


def test_a_transaction_that_nobody_ended_is_ended_by_its_return(kept: Connections) -> None:
    with kept.lent() as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO said VALUES ('half')")
    say(kept, "whole")
    assert said(kept) == ["whole"]


def test_more_threads_than_are_kept_each_write_their_own(kept: Connections) -> None:
    words = [f"{number:02d}" for number in range(KEPT * 5)]
    threads = [threading.Thread(target=say, args=(kept, word)) for word in words]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said(kept) == words


def test_a_forked_process_opens_its_own(kept: Connections) -> None:
    say(kept, "parent")
    child = multiprocessing.get_context("fork").Process(target=say, args=(kept, "child"))
    child.start()
    child.join(30)
    say(kept, "parent again")
    assert (child.exitcode, said(kept)) == (0, ["child", "parent", "parent again"])
