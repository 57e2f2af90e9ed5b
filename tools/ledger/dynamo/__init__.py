"""The ledger in one DynamoDB table: every method one transaction, or one consistent read."""

from tools.ledger.dynamo.approvals import Approvals
from tools.ledger.dynamo.effects import Effects
from tools.ledger.dynamo.parking import ParkingRows
from tools.ledger.dynamo.runs import RunRows


class DynamoLedger(RunRows, Effects, Approvals, ParkingRows):
    """Ledger for many machines. Who is silent too long is dead; no process can see whether another one lives."""
