"""Until when Object Lock keeps an object: moto locks, and does not say."""

from datetime import datetime
from typing import Any

from tools.sandbox.mechanism import patch


@patch(
    "moto.s3.responses",
    "S3Response._key_response_get",
    source="ee432d6a706f",
    why="moto answers GetObjectRetention with the object itself",
)
def _retention(original: Any) -> Any:
    def key_response_get(self: Any, query: Any, key_name: str) -> Any:
        if "retention" not in query:
            return original(self, query, key_name)
        self._set_action("KEY", "GET", query)
        self.data["Action"] = "GetObjectRetention"
        self._authenticate_and_authorize_s3_action(bucket_name=self.bucket_name, key_name=key_name)
        return _told(self)

    return key_response_get


def _told(response: Any) -> Any:
    from moto.core.responses import ActionResult
    from moto.s3.exceptions import S3ClientError

    if not response.backend.get_bucket(response.bucket_name).object_lock_enabled:
        raise S3ClientError("InvalidRequest", "Bucket is missing Object Lock Configuration")
    key, _ = response._get_key()
    if not key.lock_mode:
        missing: Any = S3ClientError("NoSuchObjectLockConfiguration", "The specified object has no lock configuration")
        missing.code = 404
        raise missing
    until = datetime.fromisoformat(key.lock_until)
    return response.serialized(ActionResult({"Retention": {"Mode": key.lock_mode, "RetainUntilDate": until}}))
