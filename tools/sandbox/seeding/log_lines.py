"""Writing lines into a log group of CloudWatch Logs."""

import zlib

from tools.sandbox.seeding.place import Place

_BATCH = 10_000  # PutLogEvents takes no more in one call


def write(place: Place, group: str, stream: str, lines: list[tuple[int, str]]) -> None:
    """Put (milliseconds, line) pairs, oldest first, into a new stream of the group, which is made if it is not there."""
    logs = place.client("logs")
    if group not in place.backend("logs").groups:
        logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [{"timestamp": at, "message": line} for at, line in lines]
    for start in range(0, len(events), _BATCH):
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events[start : start + _BATCH])
    # moto numbers events over all worlds of a process; a world's are its own
    for number, event in enumerate(place.backend("logs").groups[group].streams[stream].events):
        event.event_id = f"{zlib.crc32(stream.encode()):010}{number:08}"
