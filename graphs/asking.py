"""Asking one evidence source, within its deadline, and keeping what it read."""

import time
from dataclasses import replace

from agent.casefile import Looked
from agent.evidence import Answered
from agent.finding import Finding
from graphs.keeping import keep
from graphs.service import Service
from tools.aws import Phase, Tally
from tools.source import Question, sources


def asked(name: str, finding: Finding, run_id: str, service: Service, tally: Tally) -> Answered:
    """What the source came back with, known or not. Asked again, its reads get a chain of their own."""
    source = sources()[name]
    until = time.monotonic() + source.SPEC.deadline_seconds
    looked: list[Looked] = []
    watched = replace(service, looked=looked.append)
    aws = watched.aws(finding.account, finding.region, Phase.READ, source.CALLS, tally)
    aws = aws.until(lambda: time.monotonic() > until)
    question = Question(finding=finding, now=service.clock(), registry=service.registry)
    answered: Answered = source.gather(aws, question)
    kept = keep(service, run_id, name, looked)
    return answered.model_copy(update={"chain": kept.head, "note": f"{answered.note} {kept.fault}".strip()})
