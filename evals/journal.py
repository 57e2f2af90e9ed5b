"""The journal of a run: each task's work as it ends, so that a run that was broken off can go on where it was."""

import json
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from pydantic import TypeAdapter

from evals.lanes import Worked

NAME = "unfinished.jsonl"
"""Its name in the run's folder. It is gone once the run has ended."""
ENDED = "run.json"
"""What a run that has ended was of: corpus, options and code by one hash."""
_WORKED = TypeAdapter(Worked)


class OtherRun(Exception):
    """The run in the folder was of another corpus, with other options, or by other code."""


class NothingLeft(Exception):
    """The very run that is to be gone on with has ended already."""


class Journal:
    """Use as a context manager. What it holds survives a kill at any moment."""

    def __init__(self, out: Path, fingerprint: str) -> None:
        self._path, self._ended = out / NAME, out / ENDED
        self._fingerprint = fingerprint
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        self._file = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()
        if kind is None:
            self._ended.write_text(self._first_line(), encoding="utf-8")
            self._path.unlink(missing_ok=True)

    def resumed(self) -> list[Worked]:
        """What an earlier run of the same did, oldest first; nothing if there was none. Raises OtherRun, NothingLeft."""
        lines = self._path.read_bytes().splitlines(keepends=True) if self._path.exists() else []
        whole = [line for line in lines if line.endswith(b"\n")]
        if not whole:
            self._not_ended()
            return self.fresh()
        if json.loads(whole[0]) != {"fingerprint": self._fingerprint}:
            raise OtherRun(str(self._path))
        if len(whole) < len(lines):
            self._path.write_bytes(b"".join(whole))
        return [_WORKED.validate_json(line) for line in whole[1:]]

    @staticmethod
    def done(out: Path) -> int:
        """How many tasks an unfinished run in the folder had done."""
        path = out / NAME
        return max(0, path.read_bytes().count(b"\n") - 1) if path.exists() else 0

    def fresh(self) -> list[Worked]:
        """Forget an earlier run, and start anew."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(self._first_line(), encoding="utf-8")
        self._ended.unlink(missing_ok=True)
        return []

    def _first_line(self) -> str:
        return json.dumps({"fingerprint": self._fingerprint}) + "\n"

    def _not_ended(self) -> None:
        """A run that has ended is never overwritten by going on with it."""
        if self._ended.exists():
            same = self._ended.read_text(encoding="utf-8") == self._first_line()
            raise (NothingLeft if same else OtherRun)(str(self._path.parent))
        if (self._path.parent / "results.jsonl").exists():
            raise OtherRun(str(self._path.parent))

    def keep(self, worked: Worked) -> None:
        """Write down what a task came to. A worker that died is not kept: the next run tries again."""
        if self._file is None or worked.died:
            return
        self._file.write(_WORKED.dump_json(worked).decode() + "\n")
        self._file.flush()
