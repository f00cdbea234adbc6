"""Metrics in Prometheus's text format. Needs the extra `metrics`."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from cogs.interaction_stats import BOUNDS, InteractionStats
from scheduler.loop.tick import TickReport
from scheduler.reports.metrics import Figures

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class ProcessStats(NamedTuple):
    """What the process has measured since it started."""

    interaction_stats: InteractionStats
    last_tick: TickReport | None
    latency_seconds: float
    """Gateway latency; NaN or infinite if unknown."""


def render(figures: Figures, now: datetime, seen: ProcessStats) -> bytes:
    """Write all metrics as text, leaving out unknown values."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(figures, now, seen))
    return generate_latest(registry)


class _Collector(Collector):
    """Collects the metrics of one answer and keeps nothing afterwards."""

    def __init__(self, figures: Figures, now: datetime, seen: ProcessStats) -> None:
        self._figures, self._now, self._seen = figures, now, seen

    def collect(self) -> Iterator[Metric]:
        """Yield each metric once."""
        found = self._figures
        sessions = GaugeMetricFamily("coachbot_sessions", "Sessions by status.", labels=["status"])
        for status, count in found.sessions.items():
            sessions.add_metric([status.value.lower()], count)
        notifications = GaugeMetricFamily(
            "coachbot_notifications", "Messages by delivery state.", labels=["state"]
        )
        for state, count in found.notifications.items():
            notifications.add_metric([state], count)
        yield from (sessions, notifications)
        yield CounterMetricFamily("coachbot_rooms_made", "Rooms made.", value=found.rooms_made)
        yield CounterMetricFamily("coachbot_rooms_removed", "Rooms removed.", value=found.rooms_removed)
        yield CounterMetricFamily("coachbot_tick_runs", "Ticks that had something to do.", value=found.runs)
        if found.last_tick_at is not None:
            yield _seconds("coachbot_last_tick_age", "Time since the last tick.", self._now - found.last_tick_at)
        if found.last_run is not None:
            what = "Duration of the last tick that had something to do."
            yield _seconds("coachbot_last_run", what, found.last_run)
        yield from _of_interactions(self._seen.interaction_stats)
        if (last := self._seen.last_tick) is not None:
            yield _seconds("coachbot_tick_duration", "Duration of the last tick.", last.lasted)
            yield _seconds("coachbot_tick_lag", "How late the last tick started what was due first.", last.late)
        if math.isfinite(self._seen.latency_seconds):
            latency = timedelta(seconds=self._seen.latency_seconds)
            yield _seconds("coachbot_gateway_latency", "Latency of Discord's gateway.", latency)


def _of_interactions(stats: InteractionStats) -> Iterator[Metric]:
    by_outcome = CounterMetricFamily(
        "coachbot_interactions", "Commands, button presses and forms.", labels=["kind", "name", "outcome"]
    )
    for labels, count in sorted(stats.outcomes.items()):
        by_outcome.add_metric(labels, count)
    until = HistogramMetricFamily(
        "coachbot_acknowledgement_seconds",
        "Time from an interaction's arrival to the first answer.",
        labels=["kind", "name"],
    )
    for labels, waits in sorted(stats.waits.items()):
        buckets = [(str(bound), waits.within[bound]) for bound in BOUNDS]
        until.add_metric(labels, [*buckets, ("+Inf", waits.count)], waits.seconds)
    yield from (by_outcome, until)


def _seconds(name: str, what: str, value: timedelta) -> Metric:
    return GaugeMetricFamily(f"{name}_seconds", what, value=value.total_seconds())
