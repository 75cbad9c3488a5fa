"""The counters of a line in Prometheus' text format. The only file that knows `prometheus_client`.

```python
@app.get("/metrics")
def metrics() -> Response:
    body, content_type = render_metrics(line)
    return Response(body, media_type=content_type)
```
"""

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Protocol, runtime_checkable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from trunkline.brokers.base import Broker
from trunkline.hub.manager import TopicConnectionManager
from trunkline.hub.stats import Histogram
from trunkline.protocol.recovery import ResetReason


class Measured(Protocol):
    """What is measured: a `Trunkline` line, or anything else with a hub and a broker."""

    @property
    def hub(self) -> TopicConnectionManager:
        """The hub whose counters are shown."""
        ...

    @property
    def broker(self) -> Broker:
        """The broker; its logs are shown if it keeps them in this process."""
        ...


@runtime_checkable
class LogKeeper(Protocol):
    """A broker that keeps its logs in this process."""

    @property
    def size(self) -> int:
        """Bytes of frames in all logs."""
        ...

    @property
    def channels(self) -> int:
        """How many channels have a log."""
        ...


class LineCollector(Collector):
    """Reads a line's counters at each scrape; nothing is kept and nothing is counted twice.

    Args:
        line: what is measured.
        legacy_connections: connections of an older protocol since the start, or None where there is none.
    """

    def __init__(self, line: Measured, legacy_connections: int | None = None) -> None:
        self._hub = line.hub
        self._broker = line.broker
        self._legacy_connections = legacy_connections

    def collect(self) -> Iterable[Metric]:
        """All metrics of this moment."""
        yield from self._gauges()
        yield from self._counters()
        yield from self._histograms()

    def _gauges(self) -> Iterable[Metric]:
        connections = list(self._hub.connections.values())
        queued = sum(connection.outbox.size for connection in connections)
        lagging = sum(connection.lagging for connection in connections)
        yield _gauge("trunkline_connections", "Open WebSockets.", len(connections))
        yield _gauge(
            "trunkline_admission_rate",
            "Handshakes a second that are taken at present; fewer than the limit while the event loop runs late.",
            self._hub.admission.rate,
        )
        yield _gauge("trunkline_loop_lag_seconds", "How late the event loop ran at the last look.", self._hub.loop_lag)
        yield _gauge("trunkline_topics", "Topics and feeds with subscribers.", self._hub.topics)
        yield _gauge("trunkline_queue_bytes", "Bytes queued and not yet written, of all connections.", queued)
        yield _gauge("trunkline_lagging_connections", "Connections over their budget of unwritten bytes.", lagging)
        if isinstance(self._broker, LogKeeper):
            yield _gauge("trunkline_log_bytes", "Bytes of frames in all topic logs.", self._broker.size)
            yield _gauge("trunkline_log_channels", "Topics and feeds that have a log.", self._broker.channels)

    def _counters(self) -> Iterable[Metric]:
        stats = self._hub.stats
        yield _counter("trunkline_sockets_opened", "WebSockets that were accepted.", stats.connections_opened)
        yield _counter(
            "trunkline_events_published", "Events that the broker took from this process.", stats.events_published
        )
        yield _counter("trunkline_events_delivered", "Event frames queued for a connection.", stats.events_delivered)
        yield _counter("trunkline_messages_received", "Frames from clients.", stats.messages_received)
        yield _counter("trunkline_lag_started", "Times a connection went over its budget.", stats.lag_started)
        yield _counter("trunkline_gaps", "Holes that clients saw in a stream and repaired, as they report.", stats.gaps)
        yield _counter(
            "trunkline_duplicates_suppressed",
            "Events that clients had before and dropped, as they report.",
            stats.duplicates_suppressed,
        )
        yield _counter(
            "trunkline_reorderings",
            "Events that reached clients after a later one, as they report; the repair brought them in order.",
            stats.reorderings,
        )
        recoveries = {"resumed": 0, "snapshot": 0, **stats.recoveries}
        yield _labelled("trunkline_reconnects", "Subscriptions that came with a position.", "outcome", recoveries)
        resets = {reason.value: 0 for reason in ResetReason} | stats.resets
        yield _labelled("trunkline_resets", "Streams the server could not keep whole.", "reason", resets)
        yield _labelled("trunkline_errors", "Error answers to clients.", "code", stats.errors)
        yield _labelled("trunkline_closes", "Connections that ended.", "code", stats.connections_closed)
        yield _labelled("trunkline_refused", "Handshakes that were refused.", "reason", stats.refused)
        if self._legacy_connections is not None:
            yield _counter(
                "trunkline_legacy_connections",
                "WebSockets opened at the endpoint of the older protocol.",
                self._legacy_connections,
            )

    def _histograms(self) -> Iterable[Metric]:
        stats = self._hub.stats
        yield _histogram("trunkline_connection_lifetime_seconds", "How long a connection lasted.", stats.lifetime)
        yield _histogram(
            "trunkline_publish_to_write_seconds",
            "From queueing the oldest frame of a write to the end of that write.",
            stats.write_latency,
        )
        yield _histogram(
            "trunkline_sockets_per_client",
            "Connections of the same principal, counted when one is opened.",
            stats.sockets_per_client,
        )


def metrics_registry(line: Measured, *, legacy_connections: int | None = None) -> CollectorRegistry:
    """A registry of its own for one line, so that several lines in a process do not collide."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(LineCollector(line, legacy_connections))
    return registry


def render_metrics(line: Measured, *, legacy_connections: int | None = None) -> tuple[bytes, str]:
    """The body and the content type of an answer to a scrape.

    Args:
        line: what is measured.
        legacy_connections: shown as `trunkline_legacy_connections_total` unless None.
    """
    body = generate_latest(metrics_registry(line, legacy_connections=legacy_connections))
    return body, CONTENT_TYPE_PLAIN_0_0_4


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _labelled(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for kind, count in sorted(values.items()):
        family.add_metric([kind], count)
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    bounds = [*(str(float(bound)) for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=histogram.sum)
