"""The limits in force and the present traffic, as `status` and `traffic show` print them."""

from collections.abc import Sequence
from typing import Any

from streams.traffic.link_buckets import ClassState, LinkState, TrafficClass, speed_at
from streams.traffic.shared_state import Direction
from streams.traffic.traffic import Traffic
from streams.traffic.traffic_file import CODE
from streams.traffic.traffic_settings import BYTES_OF_MBIT

Document = dict[str, Any]


def traffic_document(traffic: Traffic) -> Document | None:
    """Rate, schedule and classes; None if the folder has no limits."""
    now, limits = traffic.clock(), traffic.limits
    limits.look(now)
    if limits.settings is None and limits.fault is None:
        return None
    rates, entry = limits.rates, limits.entry()
    states = [_state(traffic, direction, now) for direction in Direction]
    return {
        "rate_mbit": rates.total / BYTES_OF_MBIT if rates else None,
        "schedule": str(entry) if entry else None,
        "fault": f"{CODE}: {limits.fault}" if limits.fault else None,
        "classes": [
            {
                "class": which.value,
                "minimum_mbit": rates.minimums[which] / BYTES_OF_MBIT if rates else None,
                **_figures([state.classes[at] for state in states], now),
            }
            for at, which in enumerate(TrafficClass)
        ],
    }


def _state(traffic: Traffic, direction: Direction, now: float) -> LinkState:
    with traffic.state.locked(direction, now) as state:
        return state


def _figures(both: Sequence[ClassState], now: float) -> Document:
    received, sent = both
    return {
        "in_bytes_per_second": round(speed_at(received, now)),
        "out_bytes_per_second": round(speed_at(sent, now)),
        "in_bytes": int(received.size_bytes),
        "out_bytes": int(sent.size_bytes),
        "waits": int(sum(one.waits for one in both)),
        "waited_seconds": round(sum(one.waited_seconds for one in both), 3),
        "waiting": any(one.wanted_until > now for one in both),
    }
