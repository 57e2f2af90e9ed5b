"""The key that signs approvals is made whole, once, and nothing less is ever signed with."""

import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from graphs.bootstrap import KEY_BYTES, approval_key


def test_the_key_is_whole_its_owner_s_and_the_same_ever_after(tmp_path: Path) -> None:
    key = approval_key(tmp_path)
    assert len(key) == KEY_BYTES
    assert approval_key(tmp_path) == key
    assert [stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()] == [0o600]


@pytest.mark.parametrize("held", [b"", b"short", b"x" * 31, b"x" * 33])
def test_a_key_that_is_not_whole_is_refused_and_left_as_it_is(tmp_path: Path, held: bytes) -> None:
    """An empty one would let anybody sign."""
    (tmp_path / "approval.key").write_bytes(held)
    with pytest.raises(RuntimeError, match="not a whole key"):
        approval_key(tmp_path)
    assert (tmp_path / "approval.key").read_bytes() == held


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        keys = set(pool.map(approval_key, [tmp_path] * 12))
    assert len(keys) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["approval.key"]


def test_a_process_that_died_while_making_it_leaves_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It dies where the draft is to become the key."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("os.link", die)
        with pytest.raises(KeyboardInterrupt):
            approval_key(tmp_path)
    assert not (tmp_path / "approval.key").exists()
    assert len(approval_key(tmp_path)) == KEY_BYTES
