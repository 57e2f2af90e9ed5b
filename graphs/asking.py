"""Asking one evidence source, within its deadline, and keeping what it read."""

import time
from dataclasses import replace

from agent.casefile import Looked
from agent.evidence import Answered, Fact, Standing
from agent.finding import Finding
from agent.record import Moment
from graphs.keeping import keep
from graphs.service import Service
from tools.aws import UNREADABLE, Phase, Tally
from tools.source import Question, SourceSpec, sources


def asked(name: str, finding: Finding, run_id: str, service: Service, tally: Tally) -> Answered:
    """What the source came back with, known or not. Asked again, its reads get a chain of their own."""
    source = sources()[name]
    until = time.monotonic() + source.SPEC.deadline_seconds
    looked: list[Looked] = []
    watched = replace(service, looked=looked.append)
    aws = watched.aws(finding.account, finding.region, Phase.READ, source.CALLS, tally)
    aws = aws.until(lambda: time.monotonic() > until)
    question = Question(finding=finding, now=service.clock(), registry=service.registry)
    try:
        answered: Answered = source.gather(aws, question)
    except UNREADABLE:
        answered = _unreadable(source.SPEC, question.now, tally)
    kept = keep(service, run_id, name, looked)
    return answered.model_copy(update={"chain": kept.head, "note": f"{answered.note} {kept.fault}".strip()})


def _unreadable(spec: SourceSpec, now: Moment, tally: Tally) -> Answered:
    """What a source says that met an answer which is not as its service promises: all that it was to tell is failed."""
    note = "unreadable_answer"
    facts = [Fact(name=name, standing=Standing.FAILED, note=note, source=spec.name, as_of=now) for name in spec.facts]
    calls = sum(tally.by_phase.get(Phase.READ.value, {}).values())
    return Answered(source=spec.name, standing="failed", facts=facts, calls=calls, note=note)
