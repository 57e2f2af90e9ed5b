"""When a change that was made for a time ends by itself."""

from datetime import datetime

from agent.catalogue import ActionSpec
from agent.plan import Change
from graphs.service import Service


def expiry(change: Change, spec: ActionSpec | None) -> datetime | None:
    """When a time-boxed change ends by itself; None if it does not."""
    until = change.params.get("expires_at")
    return datetime.fromisoformat(until) if spec is not None and spec.time_boxed and isinstance(until, str) else None


def is_over(change: Change, spec: ActionSpec, service: Service) -> bool:
    """Whether it has ended, and no run needs it any more."""
    until = expiry(change, spec)
    return until is not None and until <= service.clock() and not service.ledger.needed(change, service.clock())
