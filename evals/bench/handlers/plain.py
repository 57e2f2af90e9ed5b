"""A handler as one would write it plainly: graph and chat model made when it is loaded, one question put to the model."""

import os
from typing import Any, TypedDict

from langchain_aws import ChatBedrockConverse
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

STEPS = ("intake", "investigate", "propose", "judge", "execute", "approve", "verify", "report")


class Told(TypedDict):
    """The state."""

    question: str
    steps: list[str]


_CHAT = ChatBedrockConverse(model_id=os.environ["STANCH_MODEL"], region_name="us-east-1", disable_streaming=True)


def _node(name: str) -> Any:
    def run(state: Told) -> dict[str, Any]:
        if name == "propose":
            _CHAT.invoke(state["question"])
        return {"steps": [*state["steps"], name]}

    return run


def _graph() -> Any:
    graph = StateGraph(Told)
    for name in STEPS:
        graph.add_node(name, _node(name))
    for one, other in zip((START, *STEPS), (*STEPS, END), strict=True):
        graph.add_edge(one, other)
    return graph.compile(checkpointer=InMemorySaver())


_GRAPH = _graph()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Ask, and answer with the steps that were gone."""
    found: dict[str, Any] = _GRAPH.invoke(
        {"question": event["question"], "steps": []}, {"configurable": {"thread_id": "1"}}
    )
    return {"status": "plain", "steps": found["steps"]}
