"""The record of processing (GDPR art. 30), made from the catalogue of columns and the configuration. Pure.

Every table with personal data belongs to one ``Activity``; a test fails for one that does not. What a table
holds, and how long, is what the catalogue says of its columns, so the record cannot fall behind the schema.
Must not: read rows. Which providers an account fetches from is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailhub.config import Config
from storage.catalogue import metadata

CATEGORIES: Mapping[str, str] = {  # of the catalogue, in words for people
    "name": "names",
    "email": "e-mail addresses",
    "address": "names of hosts",
    "content": "what people write, with whatever they tell of themselves and others (telephone numbers too), files",
    "ip": "network addresses",
    "time": "times of acts",
    "credential": "passwords, ApiTokens, sessions and second factors, hashed or sealed",
    "behaviour": "what was done when: logins, marks, consents",
}
ENDED_DAYS = 30  # what is kept of sessions, links, requests and letters that ended; held true by a test
CONTACTS = "people who write to us"
NAMED = "people named in mail"
STAFF = "users: owners, admins, agents"


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Why some tables are kept, of whom, and on what basis (art. 6(1)) by default; the controller may have another."""

    purpose: str
    basis: str
    subjects: tuple[str, ...]
    tables: tuple[str, ...]


ACTIVITIES: tuple[Activity, ...] = (
    Activity(
        purpose="answering support mail",
        basis="contract or steps before it (b), legitimate interests (f)",
        subjects=(CONTACTS, NAMED),
        tables=(
            *("contact", "contact_address", "ticket", "participant", "message", "raw", "note", "outbox"),
            "draft",
        ),
    ),
    Activity(
        purpose="sharing the work among the staff: tags, rules, who has seen what",
        basis="legitimate interests (f)",
        subjects=(STAFF,),
        tables=("rule", "tag", "ticket_seen"),
    ),
    Activity(
        purpose="taking mail in, and proving what became of each delivery",
        basis="legitimate interests (f)",
        subjects=(CONTACTS, NAMED),
        tables=("intake", "refusal", "imap_source", "oauth_grant"),
    ),
    Activity(
        purpose="keeping spam out",
        basis="legitimate interests (f)",
        subjects=(CONTACTS,),
        tables=("ledger", "mark", "mark_request", "sender_rule"),
    ),
    Activity(
        purpose="letting the staff in, and nobody else",
        basis="legal obligation (c: art. 32)",
        subjects=(STAFF,),
        tables=(
            *("user", "session", "api_token", "link", "second_factor", "recovery_code", "login_attempt"),
            *("allow_list", "idempotency", "letter_rate"),
        ),
    ),
    Activity(
        purpose="people's rights: consents, holds, erasures, backups that can forget",
        basis="legal obligation (c: art. 5, 7, 12-18, 32)",
        subjects=(CONTACTS, STAFF),
        tables=(
            "account",
            "access_grant",
            "breach",
            "consent",
            "erasure",
            "hold",
            "person_key",
            "privacy_request",
            "redaction",
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Processing:
    """One activity as the record tells it."""

    purpose: str
    basis: str
    subjects: tuple[str, ...]
    categories: tuple[str, ...]
    retention: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The record of one account; empty texts are what the configuration does not say yet."""

    controller: str
    data_protection_contact: str
    locations: str
    processing: tuple[Processing, ...]
    recipients: tuple[str, ...]
    subprocessors: Mapping[str, str]
    transfers: Mapping[str, str]  # to third countries, with their safeguards
    backup_targets: tuple[str, ...]
    processor: str  # who runs it for the controller; "": the controller
    measures: tuple[str, ...]
    missing: tuple[str, ...]  # settings that the record needs and that are empty


def make_record(config: Config, imap_hosts: Sequence[str], *, with_paths: bool = False) -> Record:
    """The record of an account that fetches mail from these hosts; paths on the machine are for its operator."""
    named = config.privacy
    needed = ("controller", "data_protection_contact", "locations")

    return Record(
        controller=named.controller,
        data_protection_contact=named.data_protection_contact,
        locations=named.locations,
        processing=tuple(_processing(activity, config) for activity in ACTIVITIES),
        recipients=_recipients(config, imap_hosts),
        subprocessors=named.subprocessors,
        transfers=named.transfers,
        backup_targets=_backup_targets(config, shown=with_paths),
        processor=named.processor,
        measures=_measures(config),
        missing=tuple(f"privacy.{name}" for name in needed if not getattr(named, name)),
    )


def categories_of(tables: Sequence[str]) -> tuple[str, ...]:
    """Categories of personal data that these tables hold, in the catalogue's words."""
    columns = [column for name in tables for column in metadata.tables[name].columns]
    found = {column.info["personal"] for column in columns}
    return tuple(name for name in CATEGORIES if name in found)


def _processing(activity: Activity, config: Config) -> Processing:
    columns = [column for name in activity.tables for column in metadata.tables[name].columns]
    terms = {column.info["retention"] for column in columns if column.info["personal"]}
    said = _retentions(config)

    return Processing(
        purpose=activity.purpose,
        basis=activity.basis,
        subjects=activity.subjects,
        categories=tuple(CATEGORIES[name] for name in categories_of(activity.tables)),
        retention=tuple(text for term, text in said.items() if term in terms),
    )


def _retentions(config: Config) -> Mapping[str, str]:
    """The catalogue's terms, in words with today's numbers."""
    kept = config.retention
    after = config.lifecycle.terminated_days
    return {
        "account": f"as long as the account lives, and {after:g} days after its end",
        "ticket": "as long as the ticket, until it is purged or the person erased; by themselves go tickets in the trash "
        f"{_days(kept.trash_days)}, spam {_days(kept.spam_days)}, closed ones {_days(kept.closed_days)}",
        "message": "as long as the message, which goes with its ticket",
        "ledger": f"{config.spam.keep_labels_days} days, or until it is taken back",
        "log": f"records of deliveries and refusals {_days(kept.log_days)}; sessions and links {ENDED_DAYS} days"
        " after their end",
        "operation": f"as long as the task it belongs to runs; requests and letters {ENDED_DAYS} days after their end",
    }


def _days(period: float) -> str:
    return f"after {period:g} days" if period else "by no date"


def _backup_targets(config: Config, *, shown: bool) -> tuple[str, ...]:
    """Where backups go, and for how long; how many such places, for who is not the operator."""
    targets = config.backup_targets
    term = f"each backup for {config.backup.retention_days:g} days"
    if shown:
        return tuple(f"{path}: {term}" for path in targets)
    return (f"{len(targets)} places: {term}",)


def _recipients(config: Config, imap_hosts: Sequence[str]) -> tuple[str, ...]:
    found = []
    if config.relay.host:
        found.append(f"{config.relay.host}: sends our answers (relay)")
    found += [f"{host}: mail is fetched from there (IMAP)" for host in sorted(set(imap_hosts))]
    if config.authentication.enabled:
        found.append("DNS servers: are asked for senders' domains and hosts, to tell forged mail")
    found.append("the mail servers of those who are answered")
    return tuple(found)


def _measures(config: Config) -> tuple[str, ...]:
    """What protects the data (art. 32), as far as mailhub itself sees to it."""
    tls = (
        "required"
        if config.smtp.tls_required
        else "offered"
        if config.smtp.tls_certificate
        else "not offered"
    )
    second = config.login.second_factor_from

    return (
        "roles: what each may do is one table; operators read content only under a grant that is on record",
        f"logins by password (argon2id) and a second factor (from the role on: {second})",
        "ApiTokens hashed, scoped, expiring",
        "networks from which the staff may come, by role",
        f"encryption in transit: API over TLS 1.2 or newer; incoming SMTP with TLS {tls}; relay: {config.relay.tls}",
        "credentials at rest sealed (AES-256-GCM) or hashed; the root key apart from the database",
        f"backups encrypted, a key for each person, deleted after {config.backup.retention_days:g} days",
        "a journal of acts, chained by hashes and anchored by signatures",
        "erasure that searches every byte afterwards and ends in a signed receipt",
        "logs without addresses, subjects and texts",
    )


def _processors_part(record: Record) -> Sequence[str]:
    """What art. 30(2) asks of who processes for the controller."""
    return [
        "# Record of the processor (GDPR art. 30(2))",
        "",
        f"Processor: {record.processor}  ",
        f"On behalf of: {record.controller or '(set privacy.controller)'}  ",
        f"Data protection contact: {record.data_protection_contact or '(set privacy.data_protection_contact)'}",
        "",
        "- categories of processing: " + "; ".join(each.purpose for each in record.processing),
        "- transfers: "
        + ("; ".join(f"{name}: {what}" for name, what in record.transfers.items()) or "none named"),
        "- further processors: " + ("; ".join(record.subprocessors) or "none named"),
        "- security measures: as above",
    ]


def to_markdown(record: Record) -> str:
    """The record for people."""
    lines = ["# Record of processing (GDPR art. 30)", ""]
    lines += [f"Controller: {record.controller or '(set privacy.controller)'}  "]
    lines += [
        f"Data protection contact: {record.data_protection_contact or '(set privacy.data_protection_contact)'}  "
    ]
    lines += [f"Where the data is: {record.locations or '(set privacy.locations)'}"]

    for each in record.processing:
        lines += ["", f"## {each.purpose}", "", f"- basis (art. 6(1)): {each.basis}"]
        lines += [f"- of whom: {', '.join(each.subjects)}", f"- what: {'; '.join(each.categories)}"]
        lines += [f"- how long: {'; '.join(each.retention)}"]

    named = [f"{name}: {what}" for name, what in record.subprocessors.items()]
    for title, items in (
        ("Recipients", record.recipients),
        ("Subprocessors", named or ["none named (privacy.subprocessors)"]),
        (
            "Transfers to third countries",
            [f"{name}: {what}" for name, what in record.transfers.items()]
            or ["none named (privacy.transfers)"],
        ),
        ("Backups", record.backup_targets),
        ("Security measures (art. 32)", record.measures),
    ):
        lines += ["", f"## {title}", "", *(f"- {item}" for item in items)]

    if record.processor:
        lines += ["", *_processors_part(record)]

    return "\n".join(lines) + "\n"
