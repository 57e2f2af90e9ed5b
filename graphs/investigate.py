"""investigate: ask one evidence source, within its deadline; one task a source, all at once."""

import time
from dataclasses import replace

from langgraph.runtime import Runtime

from agent.casefile import Looked
from agent.evidence import Answered
from graphs.service import Service
from graphs.state import Asking, Context, Seen
from tools.archive import NotKept
from tools.aws import Phase, Tally
from tools.source import Question, sources


def investigate(state: Asking, runtime: Runtime[Context], service: Service) -> Seen:
    """What the source came back with, known or not."""
    source = sources()[state.source]
    tally = Tally()
    until = time.monotonic() + source.SPEC.deadline_seconds
    aws = service.aws(state.finding.account, state.finding.region, Phase.READ, source.CALLS, tally)
    looked: list[Looked] = []
    aws = replace(aws.until(lambda: time.monotonic() > until), looked=looked.append)
    question = Question(finding=state.finding, now=service.clock(), registry=service.registry)
    answered: Answered = source.gather(aws, question)
    try:
        head = service.archive.keep(state.run_id, state.source, looked)
        answered = answered.model_copy(update={"chain": head})
    except NotKept as error:
        answered = answered.model_copy(update={"note": f"{answered.note} raw evidence not kept: {error}".strip()})
    return Seen(evidence={state.source: answered}, calls={f"investigate:{state.source}": tally.by_phase})
