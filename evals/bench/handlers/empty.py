"""A handler that does nothing."""


def handler(event: object, context: object) -> dict[str, str]:
    """Answer."""
    return {"status": "empty"}
