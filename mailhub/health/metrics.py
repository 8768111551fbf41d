"""Metrics for Prometheus, read from the vitals when they are asked for. No label holds personal data.

``METRICS`` is the list of all of them; docs/metrics.md names each (a test compares). Names end in their unit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mailhub import clock
from mailhub.health.vitals import DoorVitals, Vitals
from storage.mail.watches import Watched
from storage.sources.imap_sources import COUNTS, Figures
from storage.sources.oauth_grants import Authorisation

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

METRICS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "mailhub_door_connections": ("gauge", "Open connections.", ("door",)),
    "mailhub_door_connections_total": ("counter", "Connections accepted since the start.", ("door",)),
    "mailhub_door_messages_total": ("counter", "Messages answered 250 to at least one recipient.", ("door",)),
    "mailhub_door_message_bytes_total": ("counter", "Bytes of those messages.", ("door",)),
    "mailhub_door_in_flight_bytes": ("gauge", "Message bytes held in memory.", ("door",)),
    "mailhub_door_faults_total": ("counter", "Answers 451 because something of ours failed.", ("door",)),
    "mailhub_door_refusals_total": ("counter", "Refusals before the end of DATA.", ("door", "reason")),
    "mailhub_deliveries_total": (
        "counter",
        "Deliveries decided, by door they came in by.",
        ("source", "fate"),
    ),
    "mailhub_last_mail_timestamp_seconds": ("gauge", "When the last message was committed.", ("source",)),
    "mailhub_undecided_oldest_seconds": ("gauge", "How long the oldest delivery waits for its commit.", ()),
    "mailhub_quarantine_messages": ("gauge", "Messages filed raw because reading them failed.", ()),
    "mailhub_queue_faults": ("gauge", "Rows of background queues that failed and are tried again.", ()),
    "mailhub_breaches_overdue": (
        "gauge",
        "Breaches whose authority was not told in 72 hours (GDPR art. 33).",
        (),
    ),
    "mailhub_disk_free_bytes": ("gauge", "Room left for the data directory.", ()),
    "mailhub_writer_turns_total": ("counter", "Transactions of the writer.", ()),
    "mailhub_relay_tries_total": ("counter", "Tries to hand a mail to the relay.", ("result",)),
    "mailhub_api_requests_total": ("counter", "Requests answered by the API.", ("door", "status")),
    "mailhub_configuration_reloads_total": ("counter", "Reloads asked for by SIGHUP.", ("result",)),
    "mailhub_imap_mailboxes": ("gauge", "Mailboxes fetched by IMAP, by what they do.", ("state",)),
    "mailhub_imap_folder_mails": (
        "gauge",
        "Mails of a folder at a provider, by fate.",
        ("source", "folder", "fate"),
    ),
    "mailhub_imap_folder_newest_timestamp_seconds": (
        "gauge",
        "When the newest mail came to the folder.",
        ("source", "folder"),
    ),
    "mailhub_imap_folder_read_timestamp_seconds": (
        "gauge",
        "When the folder was last read to its end.",
        ("source", "folder"),
    ),
    "mailhub_mailbox_newest_timestamp_seconds": (
        "gauge",
        "When the newest mail came to the mailbox.",
        ("mailbox",),
    ),
    "mailhub_mailbox_silent": ("gauge", "1 while no mail came for far longer than usual.", ("mailbox",)),
    "mailhub_imap_authorisations": ("gauge", "OAuth authorisations of mailboxes, by state.", ("state",)),
    "mailhub_imap_authorisation_end_timestamp_seconds": (
        "gauge",
        "When an authorisation ends unless it is renewed.",
        ("source",),
    ),
    "mailhub_start_timestamp_seconds": ("gauge", "When this process started.", ()),
}

Reading = tuple[str, tuple[str, ...], float]


class Metrics:
    """The registry of one process. ``turns`` and ``quarantine`` are asked at every reading."""

    def __init__(
        self,
        vitals: Vitals,
        *,
        turns: Callable[[], int],
        quarantine: Callable[[], int],
        fetched: Callable[[], Sequence[Figures]],
        authorised: Callable[[], Sequence[Authorisation]],
        watched: Callable[[], Sequence[Watched]],
        failing: Callable[[], int],
        overdue: Callable[[], int],
    ) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(
            _VitalsCollector(vitals, turns, quarantine, fetched, authorised, watched, failing, overdue)
        )
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """All metrics in the text format. Reads the database: not on the event loop."""
        return generate_latest(self._registry)


class _VitalsCollector(Collector):
    def __init__(
        self,
        vitals: Vitals,
        turns: Callable[[], int],
        quarantine: Callable[[], int],
        fetched: Callable[[], Sequence[Figures]],
        authorised: Callable[[], Sequence[Authorisation]],
        watched: Callable[[], Sequence[Watched]],
        failing: Callable[[], int],
        overdue: Callable[[], int],
    ) -> None:
        self._vitals = vitals
        self._turns = turns
        self._quarantine = quarantine
        self._fetched = fetched
        self._authorised = authorised
        self._watched = watched
        self._failing = failing
        self._overdue = overdue

    def describe(self) -> list[Metric]:
        return [_family(name) for name in METRICS]

    def collect(self) -> Iterator[Metric]:
        families = {name: _family(name) for name in METRICS}
        for name, labels, value in self._readings():
            families[name].add_metric(labels, value)
        yield from families.values()

    def _readings(self) -> Iterator[Reading]:
        vitals = self._vitals
        for name, door in vitals.doors.items():
            yield from _door(name, door)
        yield "mailhub_undecided_oldest_seconds", (), vitals.intake.oldest_undecided_seconds()
        for (source, fate), count in list(vitals.intake.outcomes.items()):
            yield "mailhub_deliveries_total", (source, fate), count
        for source, at in list(vitals.intake.last_mail_at.items()):
            yield "mailhub_last_mail_timestamp_seconds", (source,), at / clock.SECOND
        yield from _imap(self._fetched())
        yield from _authorisations(self._authorised())
        yield from _watches(self._watched())
        yield "mailhub_quarantine_messages", (), self._quarantine()
        yield "mailhub_queue_faults", (), self._failing()
        yield "mailhub_breaches_overdue", (), self._overdue()
        yield "mailhub_disk_free_bytes", (), vitals.disk_free_bytes()
        yield "mailhub_writer_turns_total", (), self._turns()
        yield "mailhub_start_timestamp_seconds", (), vitals.started_at / clock.SECOND
        for (door_name, status), count in list(vitals.requests.items()):
            yield "mailhub_api_requests_total", (door_name, str(status)), count
        for result, count in list(vitals.relay.items()):
            yield "mailhub_relay_tries_total", (result,), count
        for result, count in list(vitals.reloads.items()):
            yield "mailhub_configuration_reloads_total", (result,), count


def _imap(folders: Sequence[Figures]) -> Iterator[Reading]:
    states = {folder.source_id: folder.state for folder in folders}
    for state, count in Counter(states.values()).items():
        yield "mailhub_imap_mailboxes", (state,), count

    for folder in folders:
        ids = (str(folder.source_id), str(folder.id))
        for fate in COUNTS:
            yield "mailhub_imap_folder_mails", (*ids, fate), getattr(folder, fate)
        if folder.newest_at is not None:
            yield "mailhub_imap_folder_newest_timestamp_seconds", ids, folder.newest_at / clock.SECOND
        if folder.success_at is not None:
            yield "mailhub_imap_folder_read_timestamp_seconds", ids, folder.success_at / clock.SECOND


def _authorisations(found: Sequence[Authorisation]) -> Iterator[Reading]:
    for state, count in Counter(each.state for each in found).items():
        yield "mailhub_imap_authorisations", (state,), count
    for each in found:
        if each.ends_at is not None:
            end = each.ends_at / clock.SECOND
            yield "mailhub_imap_authorisation_end_timestamp_seconds", (str(each.source_id),), end


def _watches(found: Sequence[Watched]) -> Iterator[Reading]:
    for each in found:
        mailbox = (str(each.mailbox_id),)
        yield "mailhub_mailbox_silent", mailbox, float(each.silent_at is not None)
        if each.newest_at is not None:
            yield "mailhub_mailbox_newest_timestamp_seconds", mailbox, each.newest_at / clock.SECOND


def _door(name: str, door: DoorVitals) -> Iterator[Reading]:
    counters = door.counters
    yield "mailhub_door_connections", (name,), counters.connections
    yield "mailhub_door_connections_total", (name,), counters.connections_total
    yield "mailhub_door_messages_total", (name,), counters.messages
    yield "mailhub_door_message_bytes_total", (name,), counters.message_bytes
    yield "mailhub_door_in_flight_bytes", (name,), counters.in_flight_bytes
    yield "mailhub_door_faults_total", (name,), counters.faults
    for reason, count in list(counters.refusals.items()):
        yield "mailhub_door_refusals_total", (name, reason), count


def _family(name: str) -> CounterMetricFamily | GaugeMetricFamily:
    kind, text, labels = METRICS[name]
    if kind == "counter":
        return CounterMetricFamily(name.removesuffix("_total"), text, labels=labels)
    return GaugeMetricFamily(name, text, labels=labels)


def page() -> str:
    """docs/metrics.md, whole."""
    head = (
        "# Metrics\n\n"
        "Made from the list in `mailhub/health/metrics.py`; a test compares. Read at `/metrics` (Prometheus), on\n"
        "the admin socket by the operator, and with `http.metrics = true` over plain HTTP on this machine: numbers\n"
        "only, but of every account. The process's own (`process_*`) come besides.\n\n"
        "| metric | kind | labels | meaning |\n|---|---|---|---|\n"
    )
    rows = [
        f"| `{name}` | {kind} | {', '.join(labels)} | {text} |"
        for name, (kind, text, labels) in METRICS.items()
    ]
    return head + "\n".join(rows) + "\n"
