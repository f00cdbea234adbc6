"""The program's figures as Prometheus reads them; needs the extra `metrics`."""

import math
from collections.abc import Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from scheduler.figures import Figures

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def written(figures: Figures, now: datetime, latency_seconds: float) -> bytes:
    """All of them as text; what is not known is left out."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Counted(figures, now, latency_seconds))
    return generate_latest(registry)


class _Counted(Collector):
    """What was counted for this one answer; nothing is kept between two."""

    def __init__(self, figures: Figures, now: datetime, latency_seconds: float) -> None:
        self._figures, self._now, self._latency = figures, now, latency_seconds

    def collect(self) -> Iterator[Metric]:
        """Each metric once."""
        found = self._figures
        sessions = GaugeMetricFamily("coachbot_sessions", "Sessions by status.", labels=["status"])
        for status, count in found.sessions.items():
            sessions.add_metric([status.value.lower()], count)
        notices = GaugeMetricFamily("coachbot_notices", "Messages by what became of them.", labels=["state"])
        for state, count in found.notices.items():
            notices.add_metric([state], count)
        yield from (sessions, notices)
        yield CounterMetricFamily("coachbot_rooms_made", "Rooms made.", value=found.rooms_made)
        yield CounterMetricFamily("coachbot_rooms_removed", "Rooms removed.", value=found.rooms_removed)
        yield CounterMetricFamily("coachbot_tick_runs", "Ticks that had something to do.", value=found.runs)
        if found.ticked_at is not None:
            yield _seconds(
                "coachbot_last_tick_age", "Since the last tick.", (self._now - found.ticked_at).total_seconds()
            )
        if found.last_run is not None:
            yield _seconds(
                "coachbot_last_run",
                "What the last tick that had something to do took.",
                found.last_run.total_seconds(),
            )
        if math.isfinite(self._latency):
            yield _seconds("coachbot_gateway_latency", "Of Discord's gateway.", self._latency)


def _seconds(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{name}_seconds", what, value=value)
