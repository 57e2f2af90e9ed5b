"""The truth about effects: incidents and their leases, claims, receipts, requests and approvals."""

from tools.ledger.port import (
    Ask,
    Busy,
    Card,
    Claim,
    Duplicate,
    Held,
    Kin,
    Ledger,
    LostLease,
    Opened,
    Parked,
    RunRow,
    TooLarge,
    Unavailable,
    earlier,
    next_after,
    run_id_for,
)
from tools.ledger.sqlite import SqliteLedger

__all__ = [
    "Ask",
    "Busy",
    "Card",
    "Claim",
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
    "earlier",
    "next_after",
    "run_id_for",
]
