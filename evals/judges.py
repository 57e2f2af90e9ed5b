"""Who judges the cases of an exam: the playbook over the embedded Converse, a Bedrock model, or what one said before."""

from functools import cache

from agent.catalogue import Catalogue
from evals.attacking import script_for
from evals.cassettes import Recording, Replaying
from evals.port import PLAYBOOK, Options
from graphs.configuration import SANDBOX_MODEL
from graphs.embedded import answerer
from graphs.model import Brief, Chat, ChatModel, Converse
from tools.action import catalogue as all_actions
from tools.sandbox.engine import Sandbox
from tools.sandbox.services.bedrock import set_answerer
from tools.session import bedrock

_ACCOUNT, _REGION = "123456789012", "us-east-1"


def judge_of(options: Options, sandbox: Sandbox, catalogue: Catalogue) -> ChatModel:
    """The model that these options ask for."""
    return ChatModel(_chat(options, sandbox, catalogue), catalogue)


def _chat(options: Options, sandbox: Sandbox, catalogue: Catalogue) -> Chat:
    script = script_for(options.attack)
    set_answerer(answerer(catalogue) if script is None else script(catalogue))
    if script is not None:
        return _embedded(sandbox, catalogue)
    if options.replay is not None:
        wire = SANDBOX_MODEL if options.model == PLAYBOOK else options.model
        return Replaying(options.replay, Brief.of(wire, catalogue), options.trial)
    chat = _embedded(sandbox, catalogue) if options.model == PLAYBOOK else _real(options.model)
    return chat if options.record is None else Recording(chat, options.record, options.trial)


def _embedded(sandbox: Sandbox, catalogue: Catalogue) -> Converse:
    runtime = sandbox.client("bedrock-runtime", _ACCOUNT, _REGION)
    return Converse(SANDBOX_MODEL, runtime, sandbox.client("bedrock", _ACCOUNT, _REGION), catalogue)


@cache
def _real(model: str) -> Converse:
    """One a process: its clients are slow to make."""
    return Converse(model, *bedrock(), all_actions())
