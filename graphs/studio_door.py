"""The door of a node in Studio: a state that somebody typed is checked there, in words; the server could not show the thread again."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

from pydantic import ValidationError

from graphs.state import Slice

S = TypeVar("S", bound=Slice)


class MisfitState(ValueError):
    """What stands in a thread's state is not what the next step takes. The server answers with these words, and keeps the thread."""


def unchecked(slice_: type[Slice]) -> type[dict[str, Any]]:
    """The slots of a slice as they stand: the graph puts no schema to a plain dictionary."""
    return type(f"{slice_.__name__}AsTyped", (dict,), {"__annotations__": dict.fromkeys(slice_.model_fields, Any)})


def checked(slice_: type[S], given: Slice | Mapping[str, Any]) -> S:
    """The slice. Raises MisfitState."""
    try:
        return slice_.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise MisfitState(
            f"The state of this thread does not fit: {where}: {first['msg'][:200]}."
            " Put it right, go on from an earlier checkpoint, or paste a finding."
        ) from None


def at_the_door(route: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A router that takes its slice unchecked, and checks it."""
    [slice_] = [hint for name, hint in get_type_hints(route).items() if name != "return"]

    def chosen(given: Any) -> Any:
        return route(checked(slice_, given))

    chosen.__name__ = route.__name__
    chosen.__annotations__ = {"given": unchecked(slice_)}
    return chosen
