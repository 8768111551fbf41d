"""The keys of the holders of a backup's rows: looked up in steps, made for who has none, a bounded number kept."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence

from mailhub.backups.vault import Vault
from storage.backups import person_keys
from storage.backups.person_keys import Holder

HOLDERS_KEPT = 20_000  # keys in memory at once
TURN_KEYS = 100  # made in one turn of the writer


class HolderKeys:
    """The keys of holders, made when a holder has none. Who is gone meanwhile gets one that nobody keeps."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._known: dict[Holder, bytes] = {}

    def of(self, holders: Collection[Holder]) -> Mapping[Holder, bytes]:
        """The 32-byte key of each holder of a step, among others."""
        if len(self._known) >= HOLDERS_KEPT:
            self._known.clear()

        wanted = [holder for holder in dict.fromkeys(holders) if holder not in self._known]
        if wanted:
            with self._vault.database.read() as connection:
                sealed = person_keys.find_keys(connection, wanted)
            self._known |= {holder: self._opened(holder, sealed[holder]) for holder in sealed}
            missing = [holder for holder in wanted if holder not in sealed]
            for start in range(0, len(missing), TURN_KEYS):
                self._known |= self._made(missing[start : start + TURN_KEYS])

        return self._known

    def _made(self, holders: Sequence[Holder]) -> dict[Holder, bytes]:
        fresh = {holder: secrets.token_bytes(32) for holder in holders}
        seal = self._vault.keys.seal
        made = {holder: seal("backups", fresh[holder], bound_to=bound_to(holder)) for holder in holders}
        kept = self._vault.writer.run(lambda tx: person_keys.add_keys(tx.connection, made))
        return fresh | {holder: self._opened(holder, kept[holder]) for holder in kept}

    def _opened(self, holder: Holder, sealed: bytes) -> bytes:
        return self._vault.keys.open("backups", sealed, bound_to=bound_to(holder))


def bound_to(holder: Holder) -> bytes:
    """What a holder's sealed key is bound to."""
    return "person-key:{}:{}:{}".format(*holder).encode("ascii")
