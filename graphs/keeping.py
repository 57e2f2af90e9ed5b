"""Keeping what a step read in the case file, and saying so where it could not be kept."""

from agent.casefile import Looked
from agent.evidence import Answered
from agent.record import Record
from agent.report import Report, SourceSummary
from graphs.service import Service
from tools.archive import NotKept


class Kept(Record):
    """What became of a step's reads."""

    head: str = ""
    """Where their chain ends; empty where none is kept."""
    fault: str = ""
    """Why they are not kept, though they should be."""


def keep(service: Service, run_id: str, step: str, looked: list[Looked]) -> Kept:
    """A chain of the step's reads. What they say is known whatever becomes of it."""
    try:
        return Kept(head=service.archive.keep(run_id, step, looked) if looked else "")
    except NotKept as error:
        return Kept(fault=f"raw evidence not kept: {error}")


def noted(step: str, kept: Kept, calls: int) -> dict[str, dict[str, Answered]]:
    """The field of a slice that says where the report finds a step's reads; nothing, and so no write, where none is kept."""
    if kept == Kept():
        return {}
    return {"evidence": {step: Answered(source=step, standing="known", calls=calls, chain=kept.head, note=kept.fault)}}


def with_reads(report: Report, step: str, looked: list[Looked], service: Service) -> Report:
    """The report of a run that has ended, with where the reads behind what it says now are in the case file."""
    kept = keep(service, report.run_id, step, looked)
    if kept == Kept():
        return report
    read = SourceSummary(source=step, standing="known", facts={}, calls=len(looked), chain=kept.head, note=kept.fault)
    return report.model_copy(update={"evidence": [*report.evidence, read]})
