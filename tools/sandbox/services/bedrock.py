"""Bedrock Converse over the true wire shape, answered by whoever is registered: the playbook, a script, a test."""

from collections.abc import Callable
from typing import Any, NotRequired, TypedDict

from tools.sandbox.mechanism import Ctx, Wire, op, refuse


class ModelAnswer(TypedDict):
    """What an answerer gives."""

    text: str
    answered_by: str
    """Who really answered: never the name of a model that did not."""
    stopReason: NotRequired[str]


Answerer = Callable[[Wire], ModelAnswer]
_ANSWERER: list[Answerer] = []


def set_answerer(answerer: Answerer | None) -> None:
    """Let this answer Converse from now on, whatever model id is asked. It gets the request as boto3 was given it.

    To refuse, it raises `mechanism.refuse(code, message)`. None takes the answerer away.
    """
    _ANSWERER[:] = [answerer] if answerer else []


@op("bedrockruntime", "Converse")
def converse(ctx: Ctx, params: Wire) -> Any:
    """One answer of one text block."""
    if not _ANSWERER:
        raise refuse("ServiceUnavailableException", "Nobody answers Converse in this sandbox")
    if not any(message.get("content") for message in params.get("messages") or []):
        raise refuse("ValidationException", "The conversation has no message.")
    answer = _ANSWERER[0](params)
    read = sum(_tokens(block) for block in params.get("system") or [])
    read += sum(_tokens(block) for message in params.get("messages") or [] for block in message.get("content") or [])
    written = len(answer["text"]) // 4
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": answer["text"]}]}},
        "stopReason": answer.get("stopReason", "end_turn"),
        "usage": {"inputTokens": read, "outputTokens": written, "totalTokens": read + written},
        "metrics": {"latencyMs": 0},
        "additionalModelResponseFields": {"answered_by": answer["answered_by"]},
    }


def _tokens(block: Wire) -> int:
    return len(str(block.get("text", ""))) // 4
