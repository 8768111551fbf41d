"""The composition root: everything a process needs, made once and handed around as one value.

Nothing else makes these parts, and nobody keeps a setting that a reload may change: ``configuration`` is read
at use, and what a flow needs of the house is made anew, by a method here, each time the flow begins.
``build`` opens the database (migrating it) but starts no thread; ``start`` and ``close`` do. Order of
closing: doors first (the daemon's), then the reception, then the writer, then the database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from shutil import disk_usage

from classifier.tokens import Features
from mailhub import clock
from mailhub.access.actor import Actor
from mailhub.access.passwords import Passwords
from mailhub.accounts.lifecycle import LifecycleContext
from mailhub.accounts.steadiness import Steadiness
from mailhub.backups.vault import Vault
from mailhub.config import Config
from mailhub.config.live import Live
from mailhub.directory import Directory
from mailhub.errors import ConfigurationError
from mailhub.filing.batch import FilingContext
from mailhub.filing.flood import FloodCounter
from mailhub.filter import answers, feedback, mark_requests, prior
from mailhub.filter.mark_requests import Handling
from mailhub.filter.models import Models
from mailhub.filter.rebuild import Rebuild
from mailhub.filter.verdict import FilterSettings
from mailhub.intake.imap.authorising import Authorising
from mailhub.intake.imap.door import ImapDoor
from mailhub.intake.imap.login import Logins
from mailhub.intake.imap.sources import Sourcing
from mailhub.intake.imap.tokens import AccessTokens
from mailhub.intake.reception import Reception
from mailhub.intake.resolver import Ask, Resolver, name_servers
from mailhub.keys import Keys
from mailhub.message.values import Trust
from mailhub.outbound.letters import Post
from mailhub.people.login import LoginContext
from mailhub.privacy.erasing import work as erasing
from mailhub.privacy.privacy_requests import RequestContext
from mailhub.privacy.record import Record, make_record
from mailhub.privacy.retention import Retaining
from mailhub.reading.prepare import Secrets
from mailhub.reading.stored import features_of
from mailhub.rules.rulebook import Rulebook
from mailhub.rules.running import Rules, StormGuard
from mailhub.system.budget import ByteBudget, Flights
from mailhub.tickets.purging import Purging
from mailhub.tickets.reply import ReplyContext
from storage.backups.restoring import is_half_restored
from storage.database import Database
from storage.mail.derived import Received
from storage.migrate import is_empty, migrate
from storage.proof import key_checks
from storage.sources.imap_sources import list_sources
from storage.writer import Transaction, Writer, WritingThread


class Bell:
    """Wakes the relay after something was queued. The daemon says how; without one the relay looks by itself.

    There is one in a house: answers, letters and whatever else is queued ring it after their commit.
    """

    def __init__(self) -> None:
        self.wakes: Callable[[], None] | None = None

    def ring(self) -> None:
        """Called in any thread, after a commit."""
        if self.wakes is not None:
            self.wakes()


HALF_RESTORED = (
    "a restore into this database was cut off, and who was erased since the backup may be in it: give the same"
    " `mailhub backup restore` again, it begins anew there"
)


@dataclass(frozen=True, kw_only=True)
class House:
    """One running mailhub, made once and never replaced. Each flow's parts are a method here and nowhere else."""

    configuration: Live[Config]  # read at use: a reload is seen by doors, jobs and requests alike
    keys: Keys
    secrets: Secrets
    database: Database
    writer: Writer  # of whoever uses this house: for one request it keeps that request's conditions
    writing: WritingThread  # the thread itself
    directory: Directory
    models: Models
    flood: FloodCounter
    reception: Reception
    imap: ImapDoor
    passwords: Passwords = field(default_factory=Passwords)
    bell: Bell = field(default_factory=Bell)
    ask: Ask = field(default_factory=name_servers)  # DNS, for who is to prove a domain
    steadiness: Steadiness = field(default_factory=Steadiness)
    rulebook: Rulebook = field(default_factory=Rulebook)
    storms: StormGuard = field(default_factory=StormGuard)
    budget: ByteBudget
    flights: Flights

    @property
    def config(self) -> Config:
        """The configuration in force now."""
        return self.configuration.now

    def features_of(self, received: Received) -> Features:
        """The one way from a stored message to what it teaches."""
        return features_of(received, self.secrets)

    def forget(self, transaction: Transaction, account: int, messages: Sequence[int]) -> None:
        """Take back what messages taught the filter that are about to go."""
        feedback.forget(transaction, self.models, account, messages)

    def trust(self) -> Trust:
        """Whose word about mail is believed."""
        return _trust(self.config)

    def filing(self) -> FilingContext:
        """What filing a batch of mail needs of this house."""
        return FilingContext(
            directory=self.directory,
            models=self.models,
            filter=FilterSettings.of(self.config),
            flood=self.flood,
            hops=self.config.limits.hops,
            post=self.post,
            self_service=self.config.privacy.self_service,
            rules=self.rules(),
        )

    def rules(self) -> Rules:
        """What running rules needs of this house."""
        return Rules(book=self.rulebook, storms=self.storms, quotas=self.config.quotas)

    def reply(self) -> ReplyContext:
        """What an answer needs of this house."""
        learning = answers.Learning(models=self.models, features_of=self.features_of)
        return ReplyContext(
            relay=self.config.relay,
            secrets=self.secrets,
            directory=self.directory,
            wake=self.bell.ring,
            learning=learning if self.config.spam.learn_from_answers else None,
        )

    def handling(self, actor: Actor) -> Handling | None:
        """Whose word closing a ticket is: a logged-in user's own, no program's and not the operator's."""
        settings = self.config.spam
        if not settings.learn_from_closing or actor.user is None or actor.token is not None:
            return None
        return Handling(user=actor.user, grace=int(settings.handled_minutes * clock.MINUTE))

    def marking(self) -> mark_requests.MarkingParts:
        """What giving marks that were asked for needs of this house."""
        return mark_requests.MarkingParts(
            database=self.database,
            writer=self.writer,
            models=self.models,
            extract=self.features_of,
            settings=FilterSettings.of(self.config),
            of_user=self.config.spam.marks_per_hour,
            of_mailbox=self.config.imap.moves_per_hour,
        )

    def rebuild(self, account: int, *, actor: str = "mailhub") -> Rebuild:
        """The rebuild of an account's filter."""
        return Rebuild(
            database=self.database,
            writer=self.writer,
            models=self.models,
            account=account,
            extract=self.features_of,
            actor=actor,
        )

    def purging(self) -> Purging:
        """What removing tickets for good needs of this house."""
        return Purging(
            database=self.database,
            writer=self.writer,
            forget=self.forget,
            tombstone_key=self.secrets.tombstone,
        )

    def retention(self) -> Retaining:
        """What the deletion rules need of this house."""
        return Retaining(
            database=self.database,
            writer=self.writer,
            settings=self.config.retention,
            forget=self.forget,
            tombstone_key=self.secrets.tombstone,
        )

    def erasure(self) -> erasing.Parts:
        """What an erasure needs of this house."""
        return erasing.Parts(
            database=self.database,
            writer=self.writer,
            models=self.models,
            secrets=self.secrets,
            keys=self.keys,
            directory=self.directory,
            data=self.config.storage.directory,
            node=self.config.storage.node,
            vault=self.vault,
            data_protection_contact=self.config.privacy.data_protection_contact,
        )

    def privacy_requests(self) -> RequestContext:
        """What people's requests about their own data need of this house."""
        return RequestContext(
            parts=self.erasure(),
            post=self.post,
            policy=self.config.privacy.self_service,
            record_of=self.record_of,
        )

    def record_of(self, account: int, *, with_paths: bool = False) -> Record:
        """The record of processing of an account, by the configuration in force."""
        with self.database.read() as connection:
            hosts = [source.host for source in list_sources(connection, account)]
        return make_record(self.config, hosts, with_paths=with_paths)

    def login(self) -> LoginContext:
        """What logging in needs of this house."""
        return LoginContext(
            database=self.database,
            writer=self.writer,
            keys=self.keys,
            passwords=self.passwords,
            settings=self.config.login,
            quotas=self.config.quotas,
        )

    def sourcing(self) -> Sourcing:
        """What adding and changing mailboxes at providers needs of this house."""
        config = self.config
        return Sourcing(
            keys=self.keys,
            node=config.storage.node,
            settings=config.imap,
            quotas=config.quotas,
            wake=self.imap.wake,
        )

    def authorising(self) -> Authorising:
        """What a person's consent to fetch their mail needs of this house."""
        return Authorising(writer=self.writer, keys=self.keys, settings=self.config.imap, door=self.imap)

    def lifecycle(self) -> LifecycleContext:
        """What the flow of account stages needs of this house."""
        return LifecycleContext(
            database=self.database,
            writer=self.writer,
            models=self.models,
            keys=self.keys,
            vault=self.vault,
            node=self.config.storage.node,
            settings=self.config.lifecycle,
            steadiness=self.steadiness,
            refresh=self.directory.refresh,
            post=self.post,
        )

    def for_requests(self) -> House:
        """The same for those who ask from outside: no question of theirs to the database may take long."""
        return replace(self, database=self.database.within(self.config.limits.read_seconds))

    @property
    def post(self) -> Post:
        """What writing letters needs of this house."""
        config = self.config
        return Post(
            letters=config.letters,
            relay=config.relay,
            contact=config.privacy.data_protection_contact,
            keys=self.keys,
            directory=self.directory,
            wake=self.bell.ring,
            deletion_address=config.lifecycle.deletion_address,
        )

    @property
    def vault(self) -> Vault:
        """What backups are made from, and where they go."""
        return Vault(
            database=self.database,
            writer=self.writer,
            keys=self.keys,
            targets=self.config.backup_targets,
            retention=int(self.config.backup.retention_days * clock.DAY),
            spool=self.config.backup_spool,
            keep_free=self.config.storage.reserve_bytes,
            longest_snapshot_seconds=self.config.backup.snapshot_minutes * 60,
            node=self.config.storage.node,
        )

    def start(self) -> None:
        """Start the writer and the worker."""
        self.models.warm_all()
        self.writing.start()
        self.reception.start()

    def close(self) -> None:
        """Finish what was handed over, save the models, close the database."""
        self.reception.flush_refusals()
        self.reception.close()
        self.writing.close()
        self.models.close()
        self.database.close()


def recognise_key(database: Database, keys: Keys) -> None:
    """Compare the root key with the one this database was written with; the first one seen is kept as that.

    Raises ``ConfigurationError`` for another one: with it no duplicate and no answer would be recognised any more.
    """
    own = keys.derive("check")
    with database.read() as connection:
        known = key_checks.find_key_check(connection)

    if known is None:
        with database.writing.begin() as connection:
            key_checks.add_key_check(connection, own)
            known = key_checks.find_key_check(connection)

    if known != own:
        raise ConfigurationError(
            "the root key is not the one this database was written with: put back the copy of root.key that belongs to"
            " it, or set storage.directory or storage.url to the database that belongs to this key"
        )


def _trust(config: Config) -> Trust:
    known = config.authentication
    return Trust.of(known.trusted_hosts, known.trusted_sealers, known.trusted_lists)


def _missing(config: Config) -> str:
    directory = config.storage.directory
    where = "behind storage.url" if config.storage.url else f"in {directory}"
    return (
        f"there is no database {where}, and serve makes none: put yours back (a backup, a volume that is not mounted), "
        "or correct storage.directory or storage.url. `mailhub init` begins an empty one"
    )


def _opened(config: Config, keys: Keys, *, restoring: bool) -> Database:
    """The database, in this version's schema, and written with this key."""
    database = Database(config.database_url)
    if is_empty(database):
        raise ConfigurationError(_missing(config))
    if not restoring and is_half_restored(database):
        database.close()
        raise ConfigurationError(HALF_RESTORED)

    migrate(database)
    recognise_key(database, keys)
    return database


def build(config: Config, keys: Keys, *, restoring: bool = False) -> House:
    """Open the database of this configuration, bring it to this version's schema, and wire the parts.

    Raises ``ConfigurationError`` when there is no database (only init makes one: mail for an empty one would
    be refused for good), when it was written with another root key, or when a restore into it was cut off
    (unless that asks).
    """
    database = _opened(config, keys, restoring=restoring)
    writer = WritingThread(database, node=config.storage.node)
    directory = Directory(
        database,
        catch_all=config.mail.catch_all,
        defer_suspended=config.lifecycle.suspended_mail == "defer",
        deletion_address=config.lifecycle.deletion_address,
    )
    secrets = Secrets.of(keys)
    found = prior.of_config(config, secrets.features)
    models = Models(database, config.storage.directory / "models", prior=found)
    configuration = Live(config)
    reception = Reception(
        configuration.view(lambda _: built.filing()),
        writer,
        secrets,
        directory,
        resolver=Resolver() if config.authentication.enabled else None,
        trust=configuration.view(_trust),
        has_room=lambda: disk_usage(config.storage.directory).free >= max(1, config.storage.reserve_bytes),
    )
    budget = ByteBudget(config.limits.in_flight_bytes, config.limits.message_bytes)
    built = House(
        configuration=configuration,
        keys=keys,
        secrets=secrets,
        database=database,
        writer=writer,
        writing=writer,
        directory=directory,
        models=models,
        flood=FloodCounter(config.limits.flood_messages),
        reception=reception,
        budget=budget,
        flights=Flights(config.limits.copies_at_once),
        imap=ImapDoor(
            database,
            writer,
            reception,
            Logins(keys, AccessTokens(database, writer, keys)),
            node=config.storage.node,
            message_bytes=configuration.view(lambda now: now.limits.message_bytes),
            directory=config.storage.directory,
            budget=budget,
        ),
    )

    return built
