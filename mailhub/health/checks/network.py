"""Name servers, doors and relay, as `mailhub doctor` sees them. Every question has a time; all are asked side by side.

Sources: RFC 5321 5.1 (MX), RFC 7208 (SPF), RFC 7489 (DMARC), RFC 1912 2.1 (a host's name and its PTR agree), RFC 6761
(names that are nobody's).
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Awaitable, Iterable, Mapping, Sequence

from mailhub.config import Config
from mailhub.health.checks.finding import Finding, failure, warning, well
from mailhub.intake.resolver import SECONDS, Ask, name_servers
from mailhub.message.dns_questions import NO_ANSWER, DnsAnswer
from mailhub.outbound.smarthost import RelayConversation

DOMAINS = 20  # of mailboxes that are asked about
ANSWER_SECONDS = 5.0  # for a door to greet
RELAY_SECONDS = 15.0
GREETINGS = {"smtp": b"220", "lmtp": b"220"}
NOBODYS = ("example", "test", "invalid", "localhost", "local", "example.com", "example.net", "example.org")


async def examine(
    config: Config,
    *,
    hostname: str,
    addresses: Sequence[str],
    listening: Mapping[str, str],
    ask: Ask | None = None,
) -> list[Finding]:
    """All findings, in order. ``listening``: where the daemon says that its doors are; empty when it does not run."""
    ask = ask or name_servers()
    domains = sorted({address.partition("@")[2] for address in addresses})
    is_mx = any(not _loopback(each) for each in _places(listening.get("smtp", "")))
    checks: list[Awaitable[list[Finding]]] = [
        *(_door(name, place) for name in ("smtp", "lmtp") for place in _places(listening.get(name, ""))),
        *(_domain(domain, ask) for domain in domains[:DOMAINS]),
        _own_name(hostname, ask, matters=is_mx),
        _relay(config, hostname),
    ]
    found = [each for some in await asyncio.gather(*checks) for each in some]
    if len(domains) > DOMAINS:
        found.append(well("DNS", f"{len(domains) - DOMAINS} more domains were not asked about"))

    return found


def _places(shown: str) -> list[tuple[str, int]]:
    """Host and port of each listener as the daemon shows them: "0.0.0.0:25, [::]:25"."""
    pairs = (place.rpartition(":") for place in shown.split(", ") if place)
    return [(host.strip("[]"), int(port)) for host, _, port in pairs if port.isdecimal()]


def _loopback(place: tuple[str, int]) -> bool:
    return ipaddress.ip_address(place[0]).is_loopback


async def _door(name: str, place: tuple[str, int]) -> list[Finding]:
    """The door greets whoever connects from this machine."""
    host, port = place
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 it is connected to, not bound

    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(target, port)
            try:
                greeting = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError) as error:
        cure = "see `journalctl -u mailhub`, and whether a firewall is in between"
        return [failure(f"{name} door", f"{host} port {port} does not answer: {_words(error)}", cure)]

    if not greeting.startswith(GREETINGS[name]):
        cure = "see who has the port: `ss -ltnp`"
        return [failure(f"{name} door", f"{host} port {port} does not greet as mailhub does", cure)]

    return [well(f"{name} door", f"{host} port {port} answers")]


def _words(error: BaseException) -> str:
    return str(getattr(error, "strerror", "") or type(error).__name__)


async def _domain(domain: str, ask: Ask) -> list[Finding]:
    """What the world is told about a domain that mailboxes are in."""
    name = f"DNS {domain}"
    if any(domain == each or domain.endswith(f".{each}") for each in NOBODYS):
        return [
            warning(name, "a name for examples: no mail comes to it", "add your own: `mailhub mailbox add`")
        ]

    mx, txt, dmarc = await asyncio.gather(
        _ask(ask, domain, "MX"), _ask(ask, domain, "TXT"), _ask(ask, f"_dmarc.{domain}", "TXT")
    )
    if mx.failed:
        cure = "see /etc/resolv.conf: SPF, DKIM and DMARC of what comes in cannot be checked either"
        return [warning(name, f"no name server answered within {SECONDS:.0f} s", cure)]

    missing = list(_missing(domain, mx, txt, dmarc))
    if missing:
        return [warning(name, text, cure) for text, cure in missing]

    return [well(name, f"MX {mx.records[0]}; SPF and DMARC are there; DKIM is signed by the relay")]


def _missing(domain: str, mx: DnsAnswer, txt: DnsAnswer, dmarc: DnsAnswer) -> Iterable[tuple[str, str]]:
    """What the domain does not say, and what to publish."""
    if not mx.records:
        yield (
            "no MX: nobody's mail server finds it",
            f"publish: {domain}. MX 10 and the name of your mail server",
        )
    if not _has(txt, "v=spf1"):
        cure = f'publish: {domain}. TXT "v=spf1 include:<your relay> -all"; and let the relay sign with DKIM'
        yield "no SPF: your answers are taken for spam", cure
    if not _has(dmarc, "v=dmarc1"):
        yield (
            "no DMARC policy",
            f'publish: _dmarc.{domain}. TXT "v=DMARC1; p=none; rua=mailto:<you>", later p=reject',
        )


def _has(answer: DnsAnswer, version: str) -> bool:
    return answer.failed or any(record.lower().startswith(version) for record in answer.records)


async def _own_name(hostname: str, ask: Ask, *, matters: bool) -> list[Finding]:
    """The name in the greeting has an address, and the address has the name; of interest to an MX only."""
    if not matters:
        return []

    cure = "set smtp.hostname to the name that the world knows this machine by, and ask your provider for its PTR"
    v4, v6 = await asyncio.gather(_ask(ask, hostname, "A"), _ask(ask, hostname, "AAAA"))
    addresses = (*v4.records, *v6.records)
    if v4.failed or not addresses:
        return [warning("own name", f"{hostname} has no address in DNS", cure)]

    reverse = await asyncio.gather(
        *(_ask(ask, ipaddress.ip_address(each).reverse_pointer, "PTR") for each in addresses)
    )
    wrong = [
        address
        for address, answer in zip(addresses, reverse, strict=True)
        if not answer.failed and hostname.lower() not in answer.records
    ]
    if wrong:
        return [warning("own name", f"the PTR of {wrong[0]} is not {hostname}", cure)]

    return [well("own name", f"{hostname}: address and PTR agree")]


async def _ask(ask: Ask, name: str, kind: str) -> DnsAnswer:
    try:
        async with asyncio.timeout(SECONDS):
            return (await ask((name, kind)))[0]
    except TimeoutError:
        return NO_ANSWER


async def _relay(config: Config, hostname: str) -> list[Finding]:
    """The relay can be reached, its certificate holds, and it takes the login."""
    settings = config.relay
    if not settings.host:
        return [
            warning(
                "relay", "none is set: nothing is sent", "set relay.host, relay.user, relay.password_file"
            )
        ]
    fault = await RelayConversation(settings, hostname, ssl.create_default_context).knock(RELAY_SECONDS)
    where = f"{settings.host} port {settings.port}"
    if fault is None:
        return [well("relay", f"{where} takes our login" if settings.user else f"{where} answers")]
    reply = f" ({fault.reply})" if fault.reply else ""
    return [
        failure("relay", f"{where}: {fault.reason}{reply}", RELAY_CURES.get(fault.reason, RELAY_CURES[""]))
    ]


RELAY_CURES = {
    "login-refused": "see relay.user and the password in relay.password_file",
    "password-file": "put the password into relay.password_file, readable by the service (run this as root)",
    "tls": "the relay's certificate must name relay.host; relay.tls says how to encrypt",
    "": "see relay.host, relay.port, relay.tls, and whether a firewall is in between",
}
