"""What a distribution's origin keeps of how it signs."""

from typing import Any

from tools.sandbox.mechanism import patch


@patch("moto.cloudfront.models", "Origin.__init__", source="9629f8baf32b", why="moto forgets origin access controls")
def _origin(original: Any) -> Any:
    def init(self: Any, origin: dict[str, Any]) -> None:
        original(self, origin)
        self.origin_access_control_id = origin.get("OriginAccessControlId") or ""

    return init
