import msgspec
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from trunkline import EventBus, EventType, Handshake, MemoryBroker, Principal, Trunkline, allow_all
from trunkline.metrics import LineCollector, metrics_registry, render_metrics


class Tick(msgspec.Struct, frozen=True):
    n: int


TICK = EventType("metrics_tick", Tick, topic="metrics:{n}")


class DeafTransport:
    """A peer that reads nothing: what is queued for it stays queued."""

    def wake(self) -> None: ...

    def close(self, code: int, reason: str) -> None: ...


def families(line: Trunkline, legacy_connections: int | None = None) -> dict[str, Metric]:
    body, content_type = render_metrics(line, legacy_connections=legacy_connections)
    assert content_type.startswith("text/plain")
    return {family.name: family for family in text_string_to_metric_families(body.decode())}


def values(family: Metric) -> dict[tuple[str, ...], float]:
    return {(sample.name, *sample.labels.values()): sample.value for sample in family.samples}


@pytest.fixture
def line() -> Trunkline:
    return Trunkline(authenticate=lambda _: Principal("a"), authorize=allow_all, bus=EventBus(), broker=MemoryBroker())


def test_every_metric_of_the_list_is_there_from_the_start(line: Trunkline) -> None:
    shown = families(line, legacy_connections=0)
    assert shown.keys() >= {
        *("trunkline_connections", "trunkline_connection_lifetime_seconds", "trunkline_reconnects"),
        *("trunkline_events_published", "trunkline_events_delivered", "trunkline_publish_to_write_seconds"),
        *("trunkline_queue_bytes", "trunkline_lagging_connections", "trunkline_sockets_opened"),
        *("trunkline_sockets_per_client", "trunkline_resets", "trunkline_errors", "trunkline_closes"),
        *("trunkline_gaps", "trunkline_duplicates_suppressed", "trunkline_reorderings", "trunkline_loop_lag_seconds"),
        *("trunkline_refused", "trunkline_admission_rate", "trunkline_topics", "trunkline_legacy_connections"),
        *("trunkline_log_bytes", "trunkline_log_channels", "trunkline_lag_started", "trunkline_messages_received"),
    }
    assert values(shown["trunkline_reconnects"]) == {
        ("trunkline_reconnects_total", "resumed"): 0,
        ("trunkline_reconnects_total", "snapshot"): 0,
    }
    assert "trunkline_legacy_connections" not in families(line)


async def test_a_connection_and_its_events_are_counted(line: Trunkline) -> None:
    async with line:
        connection = line.hub.connect(DeafTransport(), Handshake(), Principal("a"))
        line.hub.receive(connection, '{"type": "subscribe", "topics": ["metrics:1"]}')
        assert connection.tasks is not None
        await connection.tasks[next(iter(connection.tasks))]
        await line.publish(TICK, Tick(1))
        line.hub.receive(connection, '{"type": "nonsense"}')
        shown = families(line)
        assert values(shown["trunkline_connections"]) == {("trunkline_connections",): 1}
        assert values(shown["trunkline_topics"]) == {("trunkline_topics",): 1}
        assert values(shown["trunkline_events_delivered"]) == {("trunkline_events_delivered_total",): 1}
        assert values(shown["trunkline_errors"]) == {("trunkline_errors_total", "unknown_type"): 1}
        assert values(shown["trunkline_queue_bytes"])[("trunkline_queue_bytes",)] == connection.outbox.size > 0
        assert values(shown["trunkline_log_channels"])[("trunkline_log_channels",)] == 2
        line.hub.disconnect(connection, 1006)
        shown = families(line)
        assert values(shown["trunkline_closes"]) == {("trunkline_closes_total", "1006"): 1}
        assert (
            values(shown["trunkline_connection_lifetime_seconds"])[("trunkline_connection_lifetime_seconds_count",)]
            == 1
        )


def test_what_clients_report_is_summed_up(line: Trunkline) -> None:
    for seen in ('{"gaps": 2, "reordered": 1}', '{"gaps": 1, "duplicates": 7}'):
        connection = line.hub.connect(DeafTransport(), Handshake(), Principal("a"))
        line.hub.receive(connection, f'{{"type": "ping", "seen": {seen}}}')
    shown = families(line)
    for name, count in (("gaps", 3), ("duplicates_suppressed", 7), ("reorderings", 1)):
        assert values(shown[f"trunkline_{name}"]) == {(f"trunkline_{name}_total",): count}
    assert {labels[1] for labels in values(shown["trunkline_resets"])} == {"gap", "epoch", "slow"}


def test_a_loop_that_runs_late_shows_in_the_admission_rate(line: Trunkline) -> None:
    line.hub.observe_lag(0.5)
    shown = families(line)
    assert values(shown["trunkline_loop_lag_seconds"]) == {("trunkline_loop_lag_seconds",): 0.5}
    assert values(shown["trunkline_admission_rate"]) == {("trunkline_admission_rate",): 250.0}


def test_buckets_are_cumulative_and_end_with_all(line: Trunkline) -> None:
    for seconds in (0.5, 1, 30, 1_000_000):
        line.hub.stats.lifetime.observe(seconds)
    shown = values(families(line)["trunkline_connection_lifetime_seconds"])
    name = "trunkline_connection_lifetime_seconds"
    buckets = [value for key, value in shown.items() if key[0] == f"{name}_bucket"]
    assert buckets == sorted(buckets)
    assert shown[(f"{name}_bucket", "1.0")] == 2
    assert shown[(f"{name}_bucket", "+Inf")] == shown[(f"{name}_count",)] == 4
    assert shown[(f"{name}_sum",)] == 1_000_031.5


def test_several_lines_in_one_process_do_not_collide(line: Trunkline) -> None:
    other = Trunkline(bus=EventBus())
    other.hub.stats.connections_opened = 3
    assert metrics_registry(line) is not metrics_registry(line)
    opened = [values(families(of)["trunkline_sockets_opened"]) for of in (line, other)]
    assert opened == [{("trunkline_sockets_opened_total",): count} for count in (0, 3)]


def test_the_collector_can_join_a_registry_of_the_application(line: Trunkline) -> None:
    assert all(metric.name.startswith("trunkline_") for metric in LineCollector(line).collect())
