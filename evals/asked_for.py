"""What a command line asks for, made good before anything is run: models, cassettes, attacks."""

import json
import sys
from pathlib import Path
from typing import NoReturn

import typer

from evals.attacks import ATTACKS, GROUPS, attacks_called
from evals.port import PLAYBOOK

_FAILED, _REFUSED = 1, 2


def attacks_of(names: list[str]) -> list[str]:
    """Every attack that is asked for, once. Ends the command for a name that is not known."""
    found: list[str] = []
    for name in [part for given in names for part in given.split(",")]:
        try:
            found += attacks_called(name)
        except KeyError:
            _stop(f"no attack is called {name[:40]!r}: there are {', '.join([*GROUPS, *ATTACKS])}", _REFUSED)
    return list(dict.fromkeys(found))


def model_of(model: str | None, record: Path | None, replay: Path | None) -> str:
    """The model to ask; with cassettes, the one that they hold. Ends the command where it cannot be asked."""
    if record is not None and replay is not None:
        _stop("--record asks and --replay asks nobody: give one of them", _REFUSED)
    if replay is not None:
        return _recorded(replay, model)
    if model is not None and model != PLAYBOOK:
        _can_be_asked(model)
    return model or PLAYBOOK


def _can_be_asked(model: str) -> None:
    """End the command where there are no credentials or no Region, before any case fails of it."""
    import botocore.exceptions  # a heavy import, which only a real model needs

    from tools.session import bedrock

    try:
        bedrock()
    except (botocore.exceptions.BotoCoreError, ValueError) as error:
        _stop(f"{model} cannot be asked: {error} (--model {PLAYBOOK} needs no credentials)", _FAILED)


def _recorded(folder: Path, model: str | None) -> str:
    """The model that the cassettes are of, or the one that is asked for among them."""
    try:
        found = sorted({str(json.loads(path.read_bytes())["model"]) for path in folder.glob("*.json")})
    except (ValueError, KeyError, TypeError, OSError) as error:
        _stop(f"{folder} holds what is no cassette ({type(error).__name__})", _REFUSED)
    if not found:
        _stop(f"{folder} holds no cassettes", _REFUSED)
    if model is not None:
        return model
    if len(found) > 1:
        _stop(f"{folder} holds cassettes of {', '.join(found)}: say which with --model", _REFUSED)
    return found[0]


def _stop(line: str, code: int) -> NoReturn:
    print(line, file=sys.stderr)  # noqa: T201 - the line that the caller is owed
    raise typer.Exit(code)
