"""Lambda, as far as a world keeps it: which functions there are. moto's own cannot be saved."""

from dataclasses import dataclass, field
from typing import Any

from tools.sandbox.mechanism import CLIENT_NAMES, NEW_SERVICES, Ctx, Wire, op, refuse

NEW_SERVICES["functions"], CLIENT_NAMES["functions"] = "lambda", "lambda"


@dataclass
class Functions:
    """The functions of an account in one Region."""

    names: set[str] = field(default_factory=set)


@op("functions", "GetFunctionConcurrency")
def get_function_concurrency(ctx: Ctx, params: Wire) -> Any:
    """None has concurrency of its own."""
    if params["FunctionName"] not in ctx.shelf(Functions).names:
        raise refuse("ResourceNotFoundException", f"Function not found: {params['FunctionName']}")
    return {}
