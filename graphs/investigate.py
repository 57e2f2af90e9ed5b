"""investigate: ask one evidence source, within its deadline; one task a source, all at once."""

import time
from dataclasses import replace

from langgraph.runtime import Runtime

from agent.casefile import Looked
from agent.evidence import Answered, Fact, Standing
from agent.record import Moment
from graphs.keeping import keep
from graphs.service import Service
from graphs.state import Asking, Context, Seen
from tools.aws import UNREADABLE, Phase, Tally
from tools.source import Question, SourceSpec, sources


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
    try:
        answered: Answered = source.gather(aws, question)
    except UNREADABLE:
        answered = _unreadable(source.SPEC, question.now, tally)
    kept = keep(service, state.run_id, state.source, looked)
    answered = answered.model_copy(update={"chain": kept.head, "note": f"{answered.note} {kept.fault}".strip()})
    return Seen(evidence={state.source: answered}, calls={f"investigate:{state.source}": tally.by_phase})


def _unreadable(spec: SourceSpec, now: Moment, tally: Tally) -> Answered:
    """What a source says that met an answer which is not as its service promises: all that it was to tell is failed."""
    note = "unreadable_answer"
    facts = [Fact(name=name, standing=Standing.FAILED, note=note, source=spec.name, as_of=now) for name in spec.facts]
    calls = sum(tally.by_phase.get(Phase.READ.value, {}).values())
    return Answered(source=spec.name, standing="failed", facts=facts, calls=calls, note=note)
