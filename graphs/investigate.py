"""investigate: ask one evidence source; one task a source, all at once."""

from langgraph.runtime import Runtime

from graphs.asking import asked
from graphs.service import Service
from graphs.state import Asking, Context, Seen
from tools.aws import Tally


def investigate(state: Asking, runtime: Runtime[Context], service: Service) -> Seen:
    """What the source came back with, known or not."""
    tally = Tally()
    answered = asked(state.source, state.finding, state.run_id, service, tally)
    return Seen(evidence={state.source: answered}, calls={f"investigate:{state.source}": tally.by_phase})
