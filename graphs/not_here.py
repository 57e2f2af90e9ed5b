"""The model where there is none: functions that write have no permission to speak to one."""

from agent.plan import Case
from graphs.service import Asked, NotAnswered


class NotHere:
    """Model of a process that must not have one. A run comes here with its plan made; if not, the playbook answers."""

    def ask(self, case: Case) -> Asked | NotAnswered:
        """Nobody to ask."""
        return NotAnswered(reason="model_not_here")
