"""Hands: all that touches AWS, one file per evidence source and one per action, the sandbox and the ledger."""
