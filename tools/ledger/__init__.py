"""The truth about effects: incidents and their leases, claims, receipts, requests and approvals."""

from tools.ledger.dynamo import DynamoLedger
from tools.ledger.port import (
    Busy,
    Claim,
    Duplicate,
    Held,
    Ledger,
    LostLease,
    Opened,
    RunRow,
    TooLarge,
    Unavailable,
    earlier,
    run_id_for,
)
from tools.ledger.sqlite import SqliteLedger

__all__ = [
    "Busy",
    "Claim",
    "Duplicate",
    "DynamoLedger",
    "Held",
    "Ledger",
    "LostLease",
    "Opened",
    "RunRow",
    "SqliteLedger",
    "TooLarge",
    "Unavailable",
    "earlier",
    "run_id_for",
]
