"""The calls that may be made, by unit: what roles, session policies and the docs are made from."""

from collections.abc import Iterable

from agent.record import JsonObject
from graphs.model import CONVERSE
from tools import reread, targets
from tools.action import actions
from tools.aws import AwsCall, Phase
from tools.iam import statements
from tools.source import sources


def declared(action: str | None = None) -> frozenset[AwsCall]:
    """Every call that is declared: of one action, or of all of them, the sources, the re-reading and the model. Raises KeyError."""
    if action is not None:
        return actions()[action].CALLS
    acting = [unit.CALLS for unit in actions().values()]
    reading = [unit.CALLS for unit in sources().values()]
    return frozenset({CONVERSE}).union(*acting, *reading, targets.CALLS, reread.CALLS)


def policy(action: str | None, phases: Iterable[Phase]) -> JsonObject:
    """An IAM policy that allows exactly these calls; `{partition}`, `{account}` and `{region}` stay for a template to fill."""
    allowed = statements(declared(action), phases)
    return {"Version": "2012-10-17", "Statement": [*allowed]}
