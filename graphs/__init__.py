"""Verbs: one file per node, the wiring, the model adapter and the ways in."""

import os

# LangGraph reads this when it is imported: only the types that the state names come back from a checkpoint.
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
