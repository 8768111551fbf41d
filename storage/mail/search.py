"""Full-text index over messages, on both engines, fed by one tokeniser of ours so that both find the same.

Durable states: SQLite: the FTS5 table ``message_index`` (contentless: it holds no text; ``secure-delete``:
but a deleted row's words stay in the pages until ``rewrite_index``). PostgreSQL: a table of that name
(tsvector, GIN). A word of the account's own (``account·7``) stands in every row: a search reads one account's
postings. Positions are not kept (``detail=none``): a query is a set of words, all of which must occur; a
final ``*`` matches prefixes. SQLite's index holds those of two characters, so that ``ka*`` reads one list, newest
first: 0.5 ms among a million messages of 60 words, 400 without, ``kak*`` 37 either way; 3,000 real mails take 557
bytes and 99 us each, 461 and 77 without. Three characters too would take 607 bytes and 142 us.

Scripts without spaces are cut into pairs of characters, and the last of a run stands alone besides, so that any
one of them is found, and any piece, whatever a dictionary would make of it. A word with accents is indexed without
them too: typed without, it is found in either spelling; typed with them, in that one (Unicode UAX 15, UTS 10 at
primary strength).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from sqlalchemy import Connection, Row, text

WORD_CHARACTERS = 64  # a longer word is cut: nobody types it, and base64 would fill the index
MESSAGE_WORDS = 10_000  # distinct words indexed of one message

QUERY_TERMS = 32  # of a search; each reads the word's postings
QUERY_PREFIXES = 4  # of them with a star; on PostgreSQL each reads the postings of every word that begins so
PREFIX_CHARACTERS = 2  # that a beginning has; in scripts without spaces the index is finer, and one will do

PAGES_A_TURN = 32  # of the index, merged in one turn of the writer: some 10 ms of work
MESSAGE_CHARACTERS = 250_000  # of them all, up to 4 bytes each: PostgreSQL refuses a tsvector from 1 MiB

# Blocks that have combining marks. Inside of a word they are letters: Hindi without its vowels is another
# word.
_MARKED = (range(0x300, 0x1E00), range(0x20D0, 0x2100), range(0xA66F, 0xAC00), range(0xFE20, 0xFE30))
_MARKS = "".join(
    chr(code) for block in _MARKED for code in block if unicodedata.category(chr(code)) in ("Mn", "Mc")
)
_WORDS = re.compile(rf"[^\W_](?:[^\W_]|[{_MARKS}])*+")  # FTS5 splits at _, and a phrase would need positions
_JOINERS = dict.fromkeys(
    (0x200C, 0x200D, 0x0640, 0xAD)
)  # within words, seen or not: none of them is a letter
_DIACRITIC = (
    10  # combining classes from here on are accents and points; below are parts of Indic and kana letters
)
_LETTERS = str.maketrans(
    {
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ħ": "h",
        "ı": "i",
        "ŧ": "t",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ð": "d",
        "ى": "ي",
        "ة": "ه",
    }
)
_ASCII = bytes(ord(chr(code).lower()) if chr(code).isalnum() and code < 128 else 32 for code in range(256))
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)

_INSERT = {
    "sqlite": text("INSERT INTO message_index(rowid, words) VALUES(:message, :words)"),
    "postgresql": text(
        "INSERT INTO message_index(account_id, message_id, words)"
        " VALUES(:account, :message, array_to_tsvector(string_to_array(:words, ' ')))"
    ),
}
_DELETE = {
    "sqlite": text("DELETE FROM message_index WHERE rowid = :message"),
    "postgresql": text("DELETE FROM message_index WHERE account_id = :account AND message_id = :message"),
}
_REWRITE = text("INSERT INTO message_index(message_index, rank) VALUES('merge', :pages)")
_REMOVED = text("SELECT id FROM message_index_data WHERE id >= 1 << 53 LIMIT 1")
_FIND = {
    "sqlite": text(
        "SELECT rowid FROM message_index WHERE message_index MATCH :query AND rowid < :before"
        " ORDER BY rowid DESC LIMIT :limit"
    ),
    "postgresql": text(
        "SELECT message_id FROM message_index WHERE words @@ CAST(:query AS tsquery) AND account_id = :account"
        " AND message_id < :before ORDER BY message_id DESC LIMIT :limit"
    ),
}


def words(texts: Iterable[str], *, limit: int = MESSAGE_WORDS) -> list[str]:
    """The distinct index words of some texts, in order of first occurrence, at most ``limit``, and bounded.

    As written come first, then those without accents and single characters: what is over a bound is the least.
    """
    whole = "\n".join(texts)
    found = _written(whole)
    if not whole.isascii():
        found |= dict.fromkeys(also for word in list(found) if not word.isascii() for also in _also(word))
        found |= dict.fromkeys(run.group()[-1] for run in _UNSPACED.finditer(_normal(whole)))
    kept = list(found)[:limit]
    if len(kept) * WORD_CHARACTERS > MESSAGE_CHARACTERS:
        kept = [
            word
            for word, end in zip(kept, accumulate(map(len, kept)), strict=True)
            if end <= MESSAGE_CHARACTERS
        ]

    return kept


def _normal(whole: str) -> str:
    """Text in one width, form and case (UAX 15: NFKC, then the full case folding)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", whole).casefold()).translate(_JOINERS)


def _written(whole: str) -> dict[str, None]:
    """The distinct words as they are written, long ones cut, scripts without spaces in pairs."""
    if whole.isascii():  # nearly all mail: a table is three times as fast as the pattern
        found = dict.fromkeys(whole.encode("ascii").translate(_ASCII).decode("ascii").split())
        if max(map(len, found), default=0) <= WORD_CHARACTERS:
            return found
    else:
        found = dict.fromkeys(_WORDS.findall(_normal(whole)))
    return dict.fromkeys(piece for word in found for piece in _pieces(word))


def _also(word: str) -> Iterable[str]:
    """A word without its accents and points, where it has any."""
    if _UNSPACED.match(word):
        return
    letters = unicodedata.normalize("NFD", word)
    bare = "".join(each for each in letters if unicodedata.combining(each) < _DIACRITIC).translate(_LETTERS)
    folded = unicodedata.normalize("NFC", bare)[:WORD_CHARACTERS]
    if folded and folded != word:
        yield folded


def _pieces(word: str) -> Iterable[str]:
    if word.isascii() or not _UNSPACED.search(word):
        yield word[:WORD_CHARACTERS]
        return

    end = 0
    for run in _UNSPACED.finditer(word):
        if run.start() > end:
            yield word[end : run.start()][:WORD_CHARACTERS]
        characters = run.group()
        yield from (characters[i : i + 2] for i in range(max(1, len(characters) - 1)))
        end = run.end()

    if end < len(word):
        yield word[end:][:WORD_CHARACTERS]


def _account_word(account: int) -> str:
    return f"account·{account}"


def add_to_index(connection: Connection, rows: Sequence[tuple[int, int, Sequence[str]]]) -> None:
    """Index messages: (account, message, words) each. Needs a write transaction; commits nothing."""
    statement = _INSERT[connection.dialect.name]
    connection.execute(
        statement,
        [{"account": a, "message": m, "words": " ".join([_account_word(a), *found])} for a, m, found in rows],
    )


def remove_from_index(connection: Connection, account: int, messages: Sequence[int]) -> None:
    """Forget messages. On SQLite their words stay in the index's pages until these are merged (``rewrite_index``)."""
    if messages:
        statement = _DELETE[connection.dialect.name]
        connection.execute(statement, [{"account": account, "message": message} for message in messages])


def holds_removed_words(connection: Connection) -> bool:
    """SQLite: whether pages of the index still hold words of rows that were removed. By the marks of FTS5 on
    its segments (``FTS5_TOMBSTONE_ROWID``): their ids have bit 53 set.
    """
    if connection.dialect.name != "sqlite":
        return False
    return connection.execute(_REMOVED).first() is not None


def rewrite_index(connection: Connection, *, begin: bool) -> bool:
    """Rewrite some more of the index without what was removed from it; False when nothing is left to do.

    SQLite: a row removed from a contentless table is only marked, its words stay in the pages until these are merged
    (sqlite.org/fts5.html 6.9). With ``begin`` all pages there are now are to be merged; then some a turn. PostgreSQL
    does it in VACUUM.
    """
    if connection.dialect.name != "sqlite":
        return False
    before = _changes(connection)
    connection.execute(_REWRITE, {"pages": -PAGES_A_TURN if begin else PAGES_A_TURN})
    return _changes(connection) - before >= 2


def _changes(connection: Connection) -> int:
    driver = connection.connection.dbapi_connection
    assert driver is not None
    return int(driver.total_changes)


def find_messages(connection: Connection, account: int, query: str, *, before: int, limit: int) -> list[int]:
    """Ids of the account's messages that hold every word of ``query``, newest first, each below ``before``."""
    wanted = query_terms(query)
    if not wanted:
        return []

    parameters: dict[str, Any] = {"account": account, "before": before, "limit": limit}
    if connection.dialect.name == "sqlite":
        terms = [f'"{each.word}"' + ("*" if each.is_prefix else "") for each in wanted]
        parameters["query"] = " AND ".join([f'"{_account_word(account)}"', *terms])
    else:
        parameters["query"] = " & ".join(
            f"'{each.word}'" + (":*" if each.is_prefix else "") for each in wanted
        )

    found: Sequence[Row[Any]] = connection.execute(_FIND[connection.dialect.name], parameters).all()
    return [row[0] for row in found]


@dataclass(frozen=True, slots=True)
class Term:
    """One word that must occur, or with ``is_prefix`` the beginning of one."""

    word: str
    is_prefix: bool

    @property
    def is_short_prefix(self) -> bool:
        """Whether so many words begin like this that reading them all is most of the index."""
        return self.is_prefix and len(self.word) < PREFIX_CHARACTERS and not _UNSPACED.match(self.word)


def query_terms(query: str) -> list[Term]:
    """What a search asks of the index: each word once, and no beginning of a word that is asked for anyhow."""
    typed = dict.fromkeys(term for part in query.split() for term in _typed_terms(part))
    ordered = sorted(each.word for each in typed)
    return [each for each in typed if not (each.is_prefix and _is_implied(each, ordered, typed))]


def _is_implied(prefix: Term, ordered: Sequence[str], typed: Container[Term]) -> bool:
    """Whether another term holds only where this one does: one that begins with it, or the word itself."""
    place = bisect_right(ordered, prefix.word)
    longer = place < len(ordered) and ordered[place].startswith(prefix.word)
    return longer or Term(prefix.word, False) in typed


def why_too_broad(query: str) -> str | None:
    """Why a search would read too much of the index for one who merely asks; None where it would not. Runs nothing."""
    terms = query_terms(query)
    if len(terms) > QUERY_TERMS:
        return f"a search takes up to {QUERY_TERMS} different words; this one has {len(terms)}"
    prefixes = [each for each in terms if each.is_prefix]
    if len(prefixes) > QUERY_PREFIXES:
        return (
            f"a search takes up to {QUERY_PREFIXES} beginnings of words (abc*); this one has {len(prefixes)}"
        )
    if any(each.is_short_prefix for each in prefixes):
        return f"a beginning of a word (abc*) needs {PREFIX_CHARACTERS} characters or more"
    return None


def _typed_terms(part: str) -> Iterable[Term]:
    """The index words of one typed word; only the last one of them is a prefix when the part ends in ``*``.

    One character of a script without spaces is a beginning: it stands in pairs, or alone at the end of a run.
    """
    pieces = list(_written(part))[:QUERY_TERMS]
    for index, piece in enumerate(pieces):
        alone = len(piece) == 1 and _UNSPACED.match(piece) is not None
        yield Term(piece, alone or (part.endswith("*") and index == len(pieces) - 1))
