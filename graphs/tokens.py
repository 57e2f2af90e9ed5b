"""Tokens of the approval page: bound by the approval key to one request, and to one person where they answer it."""

import hashlib
import hmac

from agent.record import iso
from agent.verdict import Request
from tools.ledger import Card


def link_token(key: bytes, request: Request) -> str:
    """Lets its holder look at exactly this request. It answers nothing."""
    return _token(key, "look", request)


def form_token(key: bytes, request: Request, person: str) -> str:
    """Says that this person saw exactly this request: without it their answer is somebody else's doing."""
    return _token(key, "answer", request, person)


def card_link_token(key: bytes, card: Card) -> str:
    """Lets its holder look at exactly this card."""
    return _card_token(key, "look", card)


def card_form_token(key: bytes, card: Card, person: str) -> str:
    """Says that this person saw exactly this card."""
    return _card_token(key, "answer", card, person)


def _card_token(key: bytes, purpose: str, card: Card, *more: str) -> str:
    asks = [part for ask in card.asks for part in (ask.run_id, ask.digest)]
    parts = ["stanch-card", purpose, card.id, str(len(asks)), *asks, *more]
    return hmac.new(key, "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def fits(given: str, wanted: str) -> bool:
    """Compare without telling where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _token(key: bytes, purpose: str, request: Request, *more: str) -> str:
    parts = ["stanch-approval", purpose, request.run_id, request.digest, iso(request.expires_at), *more]
    return hmac.new(key, "\n".join(parts).encode(), hashlib.sha256).hexdigest()
