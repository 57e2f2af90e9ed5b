"""docs/configuration.md: every variable that the environment may set, from the record that reads them."""

import ast
import inspect

from pydantic.fields import FieldInfo

from graphs.configuration import Configuration, fits, variables

_HEAD = """# Configuration

The standard AWS variables (`AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL` and their kin) are read by boto3 and hold for
everything, Bedrock included. A value that does not fit stops the command with one line that names the variable.

Made from `graphs/configuration.py`.

| variable | value | default | meaning |
|---|---|---|---|
"""


def configuration() -> str:
    """The page."""
    told = _docstrings()
    return _HEAD + "\n".join(_row(name, field, told[name]) for name, field in Configuration.model_fields.items()) + "\n"


def _docstrings() -> dict[str, str]:
    """The string under each field of the record."""
    (record,) = ast.parse(inspect.getsource(Configuration)).body
    assert isinstance(record, ast.ClassDef)  # noqa: S101 - the source of a class is one
    told: dict[str, str] = {}
    for field, text in zip(record.body, record.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            told[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return told


def _row(name: str, field: FieldInfo, meaning: str) -> str:
    names = ", ".join(f"`{each}`" for each in variables(name))
    return f"| {names} | {fits(name)} | {_default(field)} | {meaning} |"


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "`~/.stanch`"
    if field.default in (None, ""):
        return "none"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"
