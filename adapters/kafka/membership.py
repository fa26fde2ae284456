"""Whether a consumer belongs to its group: an idle one hears of a dead Kafka here first.

Its heartbeat notices within seconds; the metadata of topics is asked for less often.
"""

from __future__ import annotations

from typing import Any


def lacks_of_membership(subscriber: Any) -> str | None:
    """What a FastStream subscriber waits for before it is in its group; None for a member.

    A member without partitions stands by, and one whose group agrees anew is still a member.
    """
    coordinator = subscriber.consumer and subscriber.consumer._coordinator
    group = subscriber.group_id
    if not coordinator or coordinator.coordinator_id is None:
        return f"Kafka: the coordinator of the group {group}"
    if coordinator.generation < 0:
        return f"its place in the group {group}"
    return None
