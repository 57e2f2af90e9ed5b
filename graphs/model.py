"""The model behind the port: ChatBedrockConverse, asked for structured output, its every way to fail told apart."""

from typing import Any

import botocore.exceptions
from langchain_aws import ChatBedrockConverse
from langchain_core.exceptions import LangChainException
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from pydantic import ValidationError

from agent.catalogue import Catalogue
from agent.plan import Case
from agent.prompt import system_text, user_text
from agent.wire import OutOfSchema, answer_schema, parse_answer
from graphs.service import Asked, NotAnswered
from tools.aws import AwsCall, Phase

CONVERSE = AwsCall(
    service="bedrock-runtime",
    operation="Converse",
    permission="bedrock:InvokeModel",
    resource="arn:{partition}:bedrock:*:*:*",
    phases=frozenset({Phase.MODEL}),
)

MAX_TOKENS = 2048
"""Bedrock reserves quota for this much output; left unset it reserves the model's maximum."""

_ANSWERS = {"end_turn", "tool_use"}


class BedrockModel:
    """Model over a Bedrock runtime client, real or embedded."""

    def __init__(self, model_id: str, runtime: Any, control: Any, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._id = model_id
        chat = ChatBedrockConverse(
            model_id=model_id,
            client=runtime,
            bedrock_client=control,
            max_tokens=MAX_TOKENS,
            disable_streaming=True,
        )
        self._system = SystemMessage(
            content=[
                {"type": "text", "text": system_text(catalogue)},
                ChatBedrockConverse.create_cache_point(),
            ]
        )
        self._structured = chat.with_structured_output(answer_schema(catalogue), method="json_schema", include_raw=True)

    def ask(self, case: Case) -> Asked | NotAnswered:
        """Ask once; botocore has its own retries. The reason says what went wrong, in a code."""
        try:
            said: Any = self._structured.invoke([self._system, HumanMessage(content=user_text(case))])
        except botocore.exceptions.ClientError as error:
            return NotAnswered(reason=f"bedrock:{error.response.get('Error', {}).get('Code', 'Unknown')}")
        except botocore.exceptions.BotoCoreError as error:
            return NotAnswered(reason=f"unreachable:{type(error).__name__}")
        except (LangChainException, ValidationError, ValueError) as error:
            return NotAnswered(reason=f"unreadable:{type(error).__name__}")
        return self._read(said, case)

    def _read(self, said: dict[str, Any], case: Case) -> Asked | NotAnswered:
        raw = said.get("raw")
        if not isinstance(raw, AIMessage):
            return NotAnswered(reason="unreadable:NoMessage")
        stop = str(raw.response_metadata.get("stopReason", ""))
        if stop not in _ANSWERS:
            return NotAnswered(reason=f"stop_reason:{stop[:40]}")
        answer = parse_answer(raw.text, self._catalogue, case)
        if isinstance(answer, OutOfSchema):
            return NotAnswered(reason=f"out_of_schema:{answer.reason}:{answer.where}"[:200])
        usage: Any = raw.usage_metadata or {}
        extra: Any = raw.response_metadata.get("additionalModelResponseFields") or {}
        return Asked(
            answer=answer,
            answered_by=str(extra.get("answered_by") or self._id),
            input_tokens=int(usage.get("input_tokens", 0)),
            output_tokens=int(usage.get("output_tokens", 0)),
            cached_tokens=int((usage.get("input_token_details") or {}).get("cache_read", 0)),
        )


class PlaybookModel:
    """Model with no model: says that nobody was asked, so the playbook answers. For runs without Bedrock."""

    def ask(self, case: Case) -> Asked | NotAnswered:
        """Nobody to ask."""
        return NotAnswered(reason="no_model_configured")
