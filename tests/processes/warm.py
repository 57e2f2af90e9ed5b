"""Imported once by the server that the processes are forked from: one whole run, so that moto is loaded."""

import json
from pathlib import Path

import graphs.entrypoints.cli
import graphs.sandbox_home
import graphs.undo  # noqa: F401 - loaded for the children
from agent.verdict import Mode
from evals.port import Options
from evals.worker import build
from tools.sandbox.world import World

_HERE = Path(__file__).parent
_SITUATIONS = (
    ("guardduty_credential_abuse_asff", "world_key"),
    ("securityhub_s3_public", "world_bucket"),
    ("guardduty_c2_asff", "world_instance"),
)
for _event, _world in _SITUATIONS:
    _body = json.loads((_HERE.parent / "data" / "events" / f"{_event}.json").read_text(encoding="utf-8"))
    build().work(_body, World.load(_HERE / f"{_world}.yaml"), Options(mode=Mode.AUTO))
