"""Converse, asked by the model wrapper that the product uses."""

import json
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from botocore.exceptions import ClientError
from engine_scene import ACCOUNT, code_of, fresh
from langchain_aws import ChatBedrockConverse
from langchain_core.messages import HumanMessage, SystemMessage
from pydantic import BaseModel

from graphs.embedded import answerer
from tools.action import catalogue
from tools.sandbox.mechanism import refuse
from tools.sandbox.services.bedrock import ModelAnswer, set_answerer

MODEL = "us.anthropic.claude-sonnet-4-6"


class Plan(BaseModel):
    """A plan."""

    disposition: Literal["contain", "escalate"]
    slot: str


@pytest.fixture(autouse=True)
def _nobody_answers_afterwards() -> Iterator[None]:
    yield
    set_answerer(None)


def model(model_id: str = MODEL, **more: Any) -> ChatBedrockConverse:
    sandbox = fresh()
    clients = {"client": "bedrock-runtime", "bedrock_client": "bedrock"}
    made = {name: sandbox.client(service, ACCOUNT, "us-east-1") for name, service in clients.items()}
    return ChatBedrockConverse(**made, model=model_id, max_tokens=500, **more)


def ask(chat: ChatBedrockConverse) -> dict[str, Any]:
    structured = chat.with_structured_output(Plan, method="json_schema", include_raw=True)
    answer = structured.invoke([SystemMessage("Be brief."), HumanMessage("What now?")])
    assert isinstance(answer, dict)
    return answer


@pytest.mark.parametrize(
    ("model_id", "more"),
    [
        (MODEL, {}),
        (
            "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-sonnet-4-6",
            {"provider": "anthropic"},
        ),
    ],
)
def test_a_structured_answer_is_parsed_and_says_who_answered(model_id: str, more: dict[str, str]) -> None:
    asked: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> ModelAnswer:
        asked.append(request)
        return {"text": json.dumps({"disposition": "contain", "slot": "T01"}), "answered_by": "playbook"}

    set_answerer(answer)
    given = ask(model(model_id, **more))
    assert given["parsed"] == Plan(disposition="contain", slot="T01")
    assert given["raw"].response_metadata["additionalModelResponseFields"] == {"answered_by": "playbook"}
    assert given["raw"].response_metadata["stopReason"] == "end_turn"
    assert given["raw"].usage_metadata["output_tokens"] > 0
    assert asked[0]["modelId"] == model_id
    assert asked[0]["messages"] == [{"role": "user", "content": [{"text": "What now?"}]}]
    assert asked[0]["system"] == [{"text": "Be brief."}]
    schema = asked[0]["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]
    assert json.loads(schema)["properties"]["disposition"]["enum"] == ["contain", "escalate"]


def test_an_answer_cut_off_or_out_of_schema_stays_visible() -> None:
    set_answerer(
        lambda _: {
            "text": '{"disposition": "explode", "slot": "T01"}',
            "answered_by": "script",
            "stopReason": "max_tokens",
        }
    )
    given = ask(model())
    assert given["parsed"] is None
    assert given["parsing_error"] is not None
    assert given["raw"].response_metadata["stopReason"] == "max_tokens"


def test_an_answerer_can_refuse_as_bedrock_does() -> None:
    def refusing(_: dict[str, Any]) -> ModelAnswer:
        raise refuse("ValidationException", "The schema is not supported.")

    set_answerer(refusing)
    with pytest.raises(ClientError) as refused:
        ask(model())
    assert code_of(refused) == "ValidationException"


def test_a_conversation_without_a_message_is_refused_before_anybody_is_asked() -> None:
    set_answerer(lambda _: pytest.fail("asked"))
    with pytest.raises(ClientError) as refused:
        fresh().client("bedrock-runtime", ACCOUNT, "us-east-1").converse(modelId=MODEL, messages=[])
    assert code_of(refused) == "ValidationException"


@pytest.mark.parametrize(
    "content",
    [[{"text": "Hello"}], [{"image": {"format": "png", "source": {"bytes": b"x"}}}], [{"text": "<case>\n{}\n</case>"}]],
)
def test_the_playbook_refuses_what_is_not_its_case(content: list[dict[str, Any]]) -> None:
    set_answerer(answerer(catalogue()))
    asked = [{"role": "user", "content": content}]
    with pytest.raises(ClientError) as refused:
        fresh().client("bedrock-runtime", ACCOUNT, "us-east-1").converse(modelId=MODEL, messages=asked)
    assert code_of(refused) == "ValidationException"
