"""Who answers the sandbox's Converse: the playbook, from the case record on the wire, and it says so."""

import json
from collections.abc import Callable
from typing import Any

from agent import playbook
from agent.catalogue import Catalogue
from agent.prompt import case_from_user_text
from tools.sandbox.mechanism import refuse
from tools.sandbox.services.bedrock import ModelAnswer

ANSWERED_BY = "playbook over sandbox Converse"
_OTHERS = "The playbook answers here, and it reads one fenced case of Stanch and no other text."


def answerer(catalogue: Catalogue) -> Callable[[dict[str, Any]], ModelAnswer]:
    """An answerer that reads the case back from the prompt, knowing nothing else."""

    def answer(request: dict[str, Any]) -> ModelAnswer:
        try:
            case = case_from_user_text(_asked(request))
        except ValueError as error:
            raise refuse("ValidationException", _OTHERS) from error
        said = playbook.answer(case, catalogue)
        return {"text": json.dumps(said.model_dump(mode="json")), "answered_by": ANSWERED_BY}

    return answer


def _asked(request: dict[str, Any]) -> str:
    """The first text of the last message; nothing if that is a picture or a tool's result."""
    content = request["messages"][-1]["content"]
    return str(content[0].get("text", "")) if content else ""
