"""A run that has ended, read back from its folder: each report with the item and the trial that it is of."""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from agent.report import Report
from evals.loading import InputRefused
from evals.summary import Summary


@dataclass(frozen=True, order=True)
class Place:
    """Where a report stands in a run: its item, which try of it, and which finding of its event."""

    id: str
    trial: int = 1
    position: int = 1

    @property
    def label(self) -> str:
        """The id, with what is not the first of its kind."""
        trial = f" (trial {self.trial})" if self.trial > 1 else ""
        return self.id + trial + (f", finding {self.position}" if self.position > 1 else "")


@dataclass(frozen=True)
class Ended:
    """What a run's folder holds."""

    reports: dict[Place, Report]
    summary: Summary

    @classmethod
    def read(cls, folder: Path) -> "Ended":
        """Raises InputRefused, which says what is missing or of another release."""
        try:
            summary = Summary.model_validate_json((folder / "summary.json").read_bytes())
            lines = (folder / "results.jsonl").read_bytes().splitlines()
            rows = [json.loads(line) for line in (folder / "timings.jsonl").read_bytes().splitlines()]
            found = [Report.model_validate_json(line) for line in lines]
            return cls(_placed(rows, found), summary)
        except OSError as error:
            raise InputRefused(f"{folder} is no finished run of stanch-eval: {error.strerror or error}") from error
        except (ValidationError, ValueError, KeyError) as error:
            line = str(error).splitlines()[0]
            raise InputRefused(
                f"{folder} cannot be read: another release wrote it, or it is cut off ({line})"
            ) from error

    def places(self, name: str, trial: int) -> list[Place]:
        """Where the reports of one try stand."""
        return [place for place in self.reports if (place.id, place.trial) == (name, trial)]


def is_run(folder: Path) -> bool:
    """Whether a folder looks like one that `stanch-eval run` has written."""
    return (folder / "results.jsonl").is_file() and (folder / "timings.jsonl").is_file()


def _placed(rows: list[dict[str, str]], reports: list[Report]) -> dict[Place, Report]:
    placed: dict[Place, Report] = {}
    for row, report in zip(rows, reports, strict=True):
        position = 1
        while (place := Place(str(row["id"]), int(row.get("trial", 1)), position)) in placed:
            position += 1
        placed[place] = report
    return placed
