"""The graph that `langgraph.json` names: importing it opens nothing."""

from graphs.studio import Studio
from graphs.studio_home import StudioHome

graph = Studio(StudioHome()).graph().compile(name="stanch")
