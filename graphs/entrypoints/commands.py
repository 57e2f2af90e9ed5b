"""The command group at the top: flags are shown as flags, and a wrong value is said without its parser's words."""

from typing import Any

import typer
from typer.core import TyperGroup

_PARSER = "Value error, "


class Commands(TyperGroup):
    """A typer group, and all that is below it."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        _flags(self)
        _summaries(self)

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix(_PARSER)
            raise


def _summaries(command: Any) -> None:
    """A list of commands holds the first paragraph of each whole: plain help would cut it."""
    for inner in getattr(command, "commands", {}).values():
        inner.short_help = inner.short_help or " ".join((inner.help or "").split("\n\n")[0].split())


def _flags(command: Any) -> None:
    """A flag takes no value, so its help names no type."""
    for option in [*command.params, command.get_help_option(typer.Context(command))]:
        if getattr(option, "is_bool_flag", False):
            option.metavar = ""
    for inner in getattr(command, "commands", {}).values():
        _flags(inner)
