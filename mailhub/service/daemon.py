"""The daemon: one process, from the lock to the last commit. It owns the loop, the signals and the order of things.

    start  lock -> keys -> database (migrated) -> house -> sockets -> doors, API -> READY
    stop   STOPPING -> relay (ends after its try) beside doors (running DATA finishes), IMAP, API -> jobs -> reception
           and writer finish -> lock

SIGTERM and SIGINT stop, SIGHUP reads the configuration again and keeps the old one if the new one is bad.
Must not: import sklearn (2 s), handle mail itself.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

import structlog
import uvloop

from mailhub import clock, house, keys
from mailhub.config import Config, Lmtp, Smtp
from mailhub.errors import ConfigurationError, MailhubError, Unavailable
from mailhub.health.vitals import DoorVitals, Vitals
from mailhub.house import House
from mailhub.intake.smtp.door import Door
from mailhub.outbound import letter_settings
from mailhub.outbound.relay import Relay
from mailhub.privacy.retention import parse_mailboxes
from mailhub.service import doors, reloading
from mailhub.service.api_server import ApiServer
from mailhub.service.jobs import jobs
from mailhub.service.scheduler import Scheduler
from mailhub.system import listeners, lock, logs, process, systemd
from storage.errors import Gone, SchemaTooNew, StorageError

# How long a stop may wait for each; TimeoutStopSec of the unit is above their sum, held by test.
DRAIN_SECONDS = 30.0  # for a running DATA
RELAY_SECONDS = (
    70.0  # for the try under way, from the signal on: relay.timeout_seconds' default and its commit
)
LOOK_SECONDS = 0.5  # between looks at the database: what became of its files is told within a second
HUNG_SECONDS = 120.0  # a turn of the writer, or a delivery, that takes longer will not end by itself

log = structlog.get_logger("mailhub.service.daemon")


@dataclass(slots=True)
class Daemon:
    """What runs between start and stop."""

    house: House
    vitals: Vitals
    api: ApiServer
    relay: Relay
    scheduler: Scheduler
    load: Callable[[], Config]  # reads the configuration again
    doors: dict[str, Door] = field(default_factory=dict)
    stop: asyncio.Event = field(default_factory=asyncio.Event)


def serve(config: Config, load: Callable[[], Config]) -> None:
    """Run until SIGTERM. Raises ``ConfigurationError`` (exit 78) or ``Unavailable`` (75) when it cannot start."""
    process.prepare()
    logs.configure(config.log.level, config.log.format)
    handed_in = systemd.take_sockets()

    with lock.held(config.storage.directory):
        built = _build(config)
        built.start()
        try:
            uvloop.run(_run(built, load, handed_in))
        finally:
            built.close()

    log.info("stopped")


def _build(config: Config) -> House:
    """The house, or a fault in words: what can be wrong with a database at the start."""
    try:
        return house.build(config, keys.load(config.storage.directory))
    except SchemaTooNew as error:
        raise ConfigurationError(str(error)) from None
    except StorageError as error:
        raise Unavailable(f"storage.url: the database cannot be opened: {error}") from error


async def _run(built: House, load: Callable[[], Config], handed_in: dict[str, list[socket.socket]]) -> None:
    vitals = Vitals(directory=built.config.storage.directory, started_at=clock.now(), intake=built.reception)
    doors.require_proxies(built.config)
    doors.require_local_servers(built.config)
    parse_mailboxes(built.config.retention)
    letter_settings.require_usable(built.config)
    sockets = _api_sockets(built.config, handed_in)
    relay = Relay(
        built.database,
        built.writer,
        built.configuration.view(lambda config: config.relay),
        built.keys,
        hostname=doors.hostname(built.config),
    )

    built.bell.wakes = relay.wake
    vitals.relay = relay.counts
    api = ApiServer(built, vitals)
    stopping = Event()
    scheduler = Scheduler(jobs(built, stopping.is_set), stopping)
    daemon = Daemon(house=built, vitals=vitals, api=api, relay=relay, scheduler=scheduler, load=load)
    await _open_doors(daemon, handed_in)
    _open_https(daemon, handed_in)
    _own_signals(daemon)
    serving = asyncio.create_task(api.serve(sockets=sockets))
    vitals.listening["admin"] = str(built.config.admin.socket)  # its own name is not, where the path is long
    if over_tcp := [listeners.shown(each) for each in sockets if each.family != socket.AF_UNIX]:
        vitals.listening["http"] = ", ".join(over_tcp)
    daemon.scheduler.start()
    if built.config.imap.enabled:
        built.imap.start(built.config.imap, asyncio.get_running_loop())
    sending = asyncio.create_task(relay.run())
    watchdog = asyncio.create_task(_watchdog(daemon))
    watching = asyncio.create_task(_watch_database(daemon))
    await _started(api, serving)
    log.info("ready", **{name: door.address for name, door in vitals.doors.items()}, **vitals.listening)
    systemd.notify("READY=1", "STATUS=taking mail")
    await asyncio.wait(
        [asyncio.create_task(daemon.stop.wait()), serving], return_when=asyncio.FIRST_COMPLETED
    )
    await _stop(daemon, serving, sending)
    watchdog.cancel()
    watching.cancel()


def _api_sockets(config: Config, handed_in: dict[str, list[socket.socket]]) -> list[socket.socket]:
    admin = handed_in.get("admin") or [listeners.unix(config.admin.socket, int(config.admin.socket_mode, 8))]
    http = handed_in.get("http") or []
    if config.http.enabled and not http:
        http = [listeners.tcp("http", config.http.address, config.http.port)]
    for each in http:
        doors.require_own_machine(each)
    return admin + http


def _open_https(daemon: Daemon, handed_in: dict[str, list[socket.socket]]) -> None:
    house = daemon.house
    https = handed_in.get("https") or []
    if house.config.https.enabled and not https:
        https = [listeners.tcp("https", house.config.https.address, house.config.https.port)]
    if https:
        daemon.api.open_tls(house, https)
        daemon.vitals.listening["https"] = ", ".join(listeners.shown(each) for each in https)


async def _open_doors(daemon: Daemon, handed_in: dict[str, list[socket.socket]]) -> None:
    """Listen on every door before mail is taken by any: a port that is taken stops the start."""
    config = daemon.house.config
    wanted: dict[str, Smtp | Lmtp] = {"smtp": config.smtp, "lmtp": config.lmtp}

    bound = {
        name: handed_in.get(name) or [listeners.tcp(name, section.address, section.port)]
        for name, section in wanted.items()
        if section.enabled or name in handed_in
    }
    for name, sockets in bound.items():
        door = Door(
            daemon.house.reception,
            doors.settings(name, config),
            lmtp=name == "lmtp",
            budget=daemon.house.budget,
        )
        address = ", ".join(listeners.shown(each) for each in sockets)
        await door.listen(sockets)
        daemon.doors[name] = door
        daemon.vitals.doors[name] = DoorVitals(address, door.counters)


async def _started(api: ApiServer, serving: asyncio.Task[None]) -> None:
    """Wait until the API answers, or raise what kept it from starting."""
    listening = asyncio.create_task(api.listening.wait())
    await asyncio.wait([listening, serving], return_when=asyncio.FIRST_COMPLETED)
    if not listening.done():
        listening.cancel()
        await serving
        raise Unavailable("the API did not start")


def _own_signals(daemon: Daemon) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stop.set)
    loop.add_signal_handler(signal.SIGHUP, _reload, daemon)


def _reload(daemon: Daemon) -> None:
    """SIGHUP: take the new configuration, or keep the old one and say why."""
    systemd.reloading()
    try:
        reloading.apply(daemon.house, daemon.load(), daemon.doors, daemon.api.tls)
        daemon.vitals.reloads["applied"] += 1
    except MailhubError as error:
        daemon.vitals.reloads["refused"] += 1
        log.warning("configuration kept as it was: the new one is bad", fault=str(error))
    systemd.notify("READY=1")


async def _watchdog(daemon: Daemon) -> None:
    """Tell the service manager that the loop runs and mail moves; a hang is silence, and systemd restarts."""
    period = systemd.watchdog_seconds()
    while period is not None:
        if _moves(daemon.house):
            systemd.notify("WATCHDOG=1")
        await asyncio.sleep(period)


async def _watch_database(daemon: Daemon) -> None:
    """Look each second whether the database is still the one that was opened, also while no mail comes.

    When it is not, the process stays, and answers everything with a temporary error: it is the last to hold
    the files that lost their names, and a restart would take mail into whatever lies there now, without a
    word.
    """
    while True:
        try:
            await asyncio.to_thread(daemon.house.database.look)
        except Gone as error:
            systemd.notify(f"STATUS=taking no mail: {error}")
            return
        except Exception as error:  # noqa: BLE001 one that is away for a while is answered 451 meanwhile
            log.warning("the database could not be looked at", error=type(error).__name__)
        await asyncio.sleep(LOOK_SECONDS)


def _moves(house: House) -> bool:
    """Whether the writer lives and nothing hangs. A database that is gone or locked is no hang: it is answered 451."""
    oldest = max(house.writing.turn_seconds(), house.reception.oldest_undecided_seconds())
    return house.writing.alive and oldest < HUNG_SECONDS


async def _stop(daemon: Daemon, serving: asyncio.Task[None], sending: asyncio.Task[None]) -> None:
    systemd.notify("STOPPING=1", "STATUS=draining")
    daemon.vitals.stopping = True
    log.info("draining")
    daemon.relay.stop()  # its last try runs while the doors drain
    relay_ends = asyncio.get_running_loop().time() + RELAY_SECONDS
    fetching = asyncio.create_task(asyncio.to_thread(daemon.house.imap.stop))
    left = await asyncio.gather(*(door.drain(DRAIN_SECONDS) for door in daemon.doors.values()))
    await fetching
    if sum(left):
        log.warning("sessions cut after the time to drain", sessions=sum(left))
    daemon.api.should_exit = True
    await serving
    await _end_of_relay(sending, relay_ends)
    await asyncio.to_thread(daemon.scheduler.stop)


async def _end_of_relay(sending: asyncio.Task[None], at: float) -> None:
    """Wait for the last try until then; one that is cut short is made again after its claim ends."""
    left = at - asyncio.get_running_loop().time()
    done, _ = await asyncio.wait([sending], timeout=max(0.0, left))
    if not done:
        log.warning("a try at the relay was cut short: that mail may go out twice")
        sending.cancel()
        await asyncio.wait([sending])
