"""The model behind the port: ChatBedrockConverse, asked for structured output, its every way to fail told apart."""

from typing import Any, Protocol

import botocore.exceptions
from langchain_aws.chat_models.bedrock_converse import ChatBedrockConverse
from langchain_core.exceptions import LangChainException
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from pydantic import ValidationError

from agent.catalogue import Catalogue
from agent.plan import Case
from agent.prompt import system_text, user_text
from agent.record import JsonObject, Record
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


class Brief(Record):
    """What every question to a model has in common: the same for every finding, until a release changes it."""

    model: str
    """The id that is asked."""
    system: str
    answer_schema: JsonObject

    @classmethod
    def of(cls, model_id: str, catalogue: Catalogue) -> "Brief":
        """The brief of this catalogue."""
        return cls(model=model_id, system=system_text(catalogue), answer_schema=answer_schema(catalogue))


class Said(Record):
    """One message of a model as it came, before anybody read an answer in it."""

    text: str
    stop_reason: str
    answered_by: str
    """Who really answered: what the endpoint says of itself, else the model's id."""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


class Chat(Protocol):
    """Port: a chat model with its brief. What is recorded and replayed is what passes here."""

    brief: Brief

    def say(self, user: str) -> Said | NotAnswered:
        """Put one user message. Never raises for what a model or its service may do wrong."""
        ...


class Converse:
    """Chat over a Bedrock runtime client, real or embedded."""

    def __init__(self, model_id: str, runtime: Any, control: Any, catalogue: Catalogue) -> None:
        self.brief = Brief.of(model_id, catalogue)
        chat = ChatBedrockConverse(
            model_id=model_id,
            client=runtime,
            bedrock_client=control,
            max_tokens=MAX_TOKENS,
            disable_streaming=True,
        )
        self._system = SystemMessage(
            content=[
                {"type": "text", "text": self.brief.system},
                ChatBedrockConverse.create_cache_point(),
            ]
        )
        self._structured = chat.with_structured_output(self.brief.answer_schema, method="json_schema", include_raw=True)

    def say(self, user: str) -> Said | NotAnswered:
        """Ask once; botocore has its own retries. The reason says what went wrong, in a code."""
        try:
            said: Any = self._structured.invoke([self._system, HumanMessage(content=user)])
        except botocore.exceptions.ClientError as error:
            return NotAnswered(reason=f"bedrock:{error.response.get('Error', {}).get('Code', 'Unknown')}")
        except botocore.exceptions.BotoCoreError as error:
            return NotAnswered(reason=f"unreachable:{type(error).__name__}")
        except (LangChainException, ValidationError, ValueError) as error:
            return NotAnswered(reason=f"unreadable:{type(error).__name__}")
        raw = said.get("raw")
        return self._said(raw) if isinstance(raw, AIMessage) else NotAnswered(reason="unreadable:NoMessage")

    def _said(self, raw: AIMessage) -> Said:
        usage: Any = raw.usage_metadata or {}
        extra: Any = raw.response_metadata.get("additionalModelResponseFields") or {}
        return Said(
            text=raw.text,
            stop_reason=str(raw.response_metadata.get("stopReason", "")),
            answered_by=str(extra.get("answered_by") or self.brief.model),
            input_tokens=int(usage.get("input_tokens", 0)),
            output_tokens=int(usage.get("output_tokens", 0)),
            cached_tokens=int((usage.get("input_token_details") or {}).get("cache_read", 0)),
        )


class ChatModel:
    """Model over a chat: puts the case, and reads the answer in what it says."""

    def __init__(self, chat: Chat, catalogue: Catalogue) -> None:
        self._chat = chat
        self._catalogue = catalogue

    def ask(self, case: Case) -> Asked | NotAnswered:
        """Ask once. An answer that stops elsewhere than at its end, or is outside the schema, is none."""
        said = self._chat.say(user_text(case))
        if isinstance(said, NotAnswered):
            return said
        if said.stop_reason not in _ANSWERS:
            return NotAnswered(reason=f"stop_reason:{said.stop_reason[:40]}")
        answer = parse_answer(said.text, self._catalogue, case)
        if isinstance(answer, OutOfSchema):
            return NotAnswered(reason=f"out_of_schema:{answer.reason}:{answer.where}"[:200])
        return Asked(
            answer=answer,
            answered_by=said.answered_by,
            input_tokens=said.input_tokens,
            output_tokens=said.output_tokens,
            cached_tokens=said.cached_tokens,
        )


class BedrockModel(ChatModel):
    """Model over a Bedrock runtime client, real or embedded."""

    def __init__(self, model_id: str, runtime: Any, control: Any, catalogue: Catalogue) -> None:
        super().__init__(Converse(model_id, runtime, control, catalogue), catalogue)


class PlaybookModel:
    """Model with no model: says that nobody was asked, so the playbook answers. For runs without Bedrock."""

    def ask(self, case: Case) -> Asked | NotAnswered:
        """Nobody to ask."""
        return NotAnswered(reason="no_model_configured")
