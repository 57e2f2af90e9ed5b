"""Parking a delivery that cannot be worked: kept whole, with its reason, for a person."""

import hashlib
from datetime import datetime

from graphs.plain import plain
from tools.ledger import Ledger, Parked


def park(ledger: Ledger, body: str, reason: str, receives: int, now: datetime) -> Parked:
    """Keep the delivery; the same one again is kept once, with its last reason."""
    whole = body.encode("utf-8", "replace")
    name = f"parked-{hashlib.sha256(whole).hexdigest()[:12]}"
    parked = Parked(id=name, reason=plain(reason, 300), body=whole.decode(), receives=receives, at=now)
    ledger.park(parked)
    return parked
