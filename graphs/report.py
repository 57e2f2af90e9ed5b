"""report: say it. What Security Hub is told passes the same policy, claim and read-back as any other write."""

from langgraph.runtime import Runtime

from graphs.compose import compose
from graphs.service import Service
from graphs.state import Context, State, Told
from graphs.tell import tell
from tools.aws import Tally


def report(state: State, runtime: Runtime[Context], service: Service) -> Told:
    """The report of the whole run, with what Security Hub took of it."""
    tally = Tally()
    told = None
    if state.refusal is None and state.finding is not None and state.plan is not None:
        told = tell(state, runtime.context, service, tally)
    calls = {"report": tally.by_phase}
    whole = state.model_copy(update={"calls": {**state.calls, **calls}})
    return Told(report=compose(whole, runtime.context.mode, service, told), calls=calls)
