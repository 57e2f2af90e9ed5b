"""Who answers the sandbox's Converse: the playbook, from the case record on the wire, and it says so."""

import json
from collections.abc import Callable
from typing import Any

from agent import playbook
from agent.catalogue import Catalogue
from agent.prompt import case_from_user_text
from tools.sandbox.services.bedrock import ModelAnswer

ANSWERED_BY = "playbook over sandbox Converse"


def answerer(catalogue: Catalogue) -> Callable[[dict[str, Any]], ModelAnswer]:
    """An answerer that reads the case back from the prompt, knowing nothing else."""

    def answer(request: dict[str, Any]) -> ModelAnswer:
        text = request["messages"][-1]["content"][0]["text"]
        said = playbook.answer(case_from_user_text(text), catalogue)
        return {"text": json.dumps(said.model_dump(mode="json")), "answered_by": ANSWERED_BY}

    return answer
