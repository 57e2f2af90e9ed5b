"""The truth about effects: incidents and their leases, claims, receipts, requests and approvals."""

from tools.ledger.claims import Claim, Claimed, Held, Unsettled
from tools.ledger.faults import LostLease, TooLarge, Unavailable
from tools.ledger.port import Ledger
from tools.ledger.runs import Busy, Duplicate, Kin, Opened, RunRow, earlier, next_after, run_id_for
from tools.ledger.shown import Ask, Card, Parked
from tools.ledger.sqlite import SqliteLedger

__all__ = [
    "Ask",
    "Busy",
    "Card",
    "Claim",
    "Claimed",
    "Duplicate",
    "Held",
    "Kin",
    "Ledger",
    "LostLease",
    "Opened",
    "Parked",
    "RunRow",
    "SqliteLedger",
    "TooLarge",
    "Unavailable",
    "Unsettled",
    "earlier",
    "next_after",
    "run_id_for",
]
