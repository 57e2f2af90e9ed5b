"""investigate: ask one evidence source, within its deadline; one task a source, all at once."""

import time
from dataclasses import replace

from langgraph.runtime import Runtime

from agent.casefile import Looked
from agent.evidence import Answered
from graphs.keeping import keep
from graphs.service import Service
from graphs.state import Asking, Context, Seen
from tools.aws import Phase, Tally
from tools.source import Question, sources


def investigate(state: Asking, runtime: Runtime[Context], service: Service) -> Seen:
    """What the source came back with, known or not."""
    source = sources()[state.source]
    tally = Tally()
    until = time.monotonic() + source.SPEC.deadline_seconds
    looked: list[Looked] = []
    watched = replace(service, looked=looked.append)
    aws = watched.aws(state.finding.account, state.finding.region, Phase.READ, source.CALLS, tally)
    aws = aws.until(lambda: time.monotonic() > until)
    question = Question(finding=state.finding, now=service.clock(), registry=service.registry)
    answered: Answered = source.gather(aws, question)
    kept = keep(service, state.run_id, state.source, looked)
    answered = answered.model_copy(update={"chain": kept.head, "note": f"{answered.note} {kept.fault}".strip()})
    return Seen(evidence={state.source: answered}, calls={f"investigate:{state.source}": tally.by_phase})
