"""Search finds the same on both engines, one account's messages only, and an erased word is gone from the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event, text

from storage.database import Database
from storage.mail.search import (
    MESSAGE_CHARACTERS,
    MESSAGE_WORDS,
    QUERY_PREFIXES,
    QUERY_TERMS,
    WORD_CHARACTERS,
    Term,
    add_to_index,
    find_messages,
    holds_removed_words,
    query_terms,
    remove_from_index,
    rewrite_index,
    why_too_broad,
    words,
)
from storage.writer import Transaction, WritingThread

NEWEST = 1 << 62
TEXTS = {
    1: "The printer in room 12 does not print.",
    2: "Der Drucker druckt nicht; Straße 7",
    3: "プリンターが動きません。",
    4: "打印机坏了，请帮忙",
    5: "snake_case_name and user_id stay_",
    6: "ไม่พิมพ์ é É Ünïcode",
    8: "Zoë Müller, Café Łódź, Счёт ёлка, İstanbul, défectueux, Kühlschrank, smørrebrød, Ærø, ılık",
    9: "发票在哪里。請求書を送ってください。 청구서를 보내 주세요",
    10: "हिन्दी में लिखा, بَيْتٌ كتاب الفاتورة أحمد, שָׁלוֹם, می‌خواهم, ใบแจ้งหนี้",
    7: 'O\'Brien said "hello" (twice) & left * % \\ NEAR AND OR NOT',
}
FOUND = {
    "printer": [1],
    "PRINTER room": [1],
    "print*": [1],
    "printer drucker": [],
    "strasse": [2],
    "STRASSE 7": [2],
    "プリンター": [3],
    "ﾌﾟﾘﾝﾀｰ": [3],  # half width
    "打印": [4],
    "印机坏": [4],
    "机印": [],
    "snake_case_name": [5],
    "snake_case_n*": [5],
    "user_id": [5],
    "_": [],
    "stay_": [5],
    "พิมพ์": [6],
    "é": [6],
    "e\u0301": [6],
    "ÜNÏCODE": [6],
    "O'Brien": [7],
    '"hello"': [7],
    "near and or not": [7],
    "NOT drucker": [],
    # without accents as well as with them
    **{
        key: [8]
        for key in ("Muller", "müller", "MULLER Zoe", "cafe", "café", "lodz", "Łódź", "defectueux", "kuhl*")
    },
    **{key: [8] for key in ("Счет", "счёт", "елка", "istanbul", "İstanbul", "smorrebrod", "aero", "ilik")},
    "Mùller": [],
    # one character of a script without spaces, wherever it stands
    **{key: [9] for key in ("票", "发", "里", "送", "請求書", "청구서를", "い")},
    "机": [4],
    # marks are letters of a word; points and joiners are not
    **{
        key: [10]
        for key in ("हिन्दी", "हिन्*", "लिखा", "بيت", "بَيْتٌ", "احمد", "الفاتوره", "שלום", "میخواهم", "หนี้", "ใบ")
    },
    **{key: [] for key in ("हन्द", "ह", "लख")},
    "account·2": [],
    "account·1": [],
}
STRANGE = [
    *[
        "",
        " ",
        "*",
        "**",
        '"',
        "''",
        "' OR 1=1 --",
        "(",
        ")",
        "a AND",
        "NEAR(",
        "^printer",
        "-printer",
        "\\",
        ":*",
        "%",
    ],
    *["words:printer", "{words}:printer", "printer:*", "!printer", "&|!", "'printer':*", "printer | drucker"],
    *["・・", ":*", "%"],
    *[
        "\0",
        "printer\0",
        "\x00\x01\x02",
        "\ud800",
        "\u202eprinter",
        "a" * 10_000,
        " ".join("abcdefghij" * 50),
    ],
]


@pytest.fixture
def find(database: Database, writer: WritingThread) -> Callable[[str], list[int]]:
    """A search in account 1, which holds TEXTS; account 2 holds the same texts with ids of its own."""
    rows = [(account, account * 100 + id, words([body])) for account in (1, 2) for id, body in TEXTS.items()]
    writer.run(lambda tx: add_to_index(tx.connection, rows))

    def search(query: str, account: int = 1) -> list[int]:
        with database.read() as connection:
            return [
                id - 100 * account
                for id in find_messages(connection, account, query, before=NEWEST, limit=99)
            ]

    return search


def test_both_engines_find_the_same(find: Callable[[str], list[int]]) -> None:
    """Words match without case, width and form, all of them, prefixes with a final star, scripts without spaces too."""
    assert {query: find(query) for query in FOUND} == FOUND


def test_no_query_is_a_syntax(find: Callable[[str], list[int]]) -> None:
    """Quotes, operators, brackets, NUL and stars never raise, and find what their letters alone would find."""
    letters = {query: "".join(filter(str.isalnum, query)) for query in STRANGE}
    expected = {"printer": [1], "NEAR": [7]}
    assert {query: find(query) for query in STRANGE} == {
        q: expected.get(bare, []) for q, bare in letters.items()
    }


def test_an_account_finds_only_its_own(find: Callable[..., list[int]]) -> None:
    """The same word in two accounts is found once in each."""
    assert find("printer", account=1) == find("printer", account=2) == [1]
    assert find("printer", account=3) == []


def test_results_come_newest_first_and_in_pages(database: Database, writer: WritingThread) -> None:
    """Results descend by id, below ``before``, at most ``limit``."""
    writer.run(lambda tx: add_to_index(tx.connection, [(1, id, ["word"]) for id in range(1, 11)]))
    with database.read() as connection:
        first = find_messages(connection, 1, "word", before=NEWEST, limit=4)
        second = find_messages(connection, 1, "word", before=first[-1], limit=4)
    assert (first, second) == ([10, 9, 8, 7], [6, 5, 4, 3])


def test_a_message_of_endless_words_is_indexed_up_to_the_bound(
    database: Database, writer: WritingThread
) -> None:
    """A message with more and longer words than any has is cut to the bounds and can be stored on both engines."""
    endless = words([" ".join(f"{number:05}{'ﷲ' * 50}" for number in range(5_000))])
    assert sum(map(len, endless)) <= MESSAGE_CHARACTERS
    assert {len(word) for word in endless} == {WORD_CHARACTERS}
    assert len(words([" ".join(map(str, range(MESSAGE_WORDS + 5)))])) == MESSAGE_WORDS
    writer.run(lambda tx: add_to_index(tx.connection, [(1, 1, endless)]))
    with database.read() as connection:
        assert find_messages(connection, 1, "00007*", before=NEWEST, limit=9) == [1]


def test_a_message_without_words_can_be_indexed_and_removed(
    database: Database, writer: WritingThread
) -> None:
    """An empty message is a row of the index like any other."""
    writer.run(lambda tx: add_to_index(tx.connection, [(1, 1, [])]))
    writer.run(lambda tx: remove_from_index(tx.connection, 1, [1]))
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM message_index")).scalar_one() == 0


def test_a_removed_message_is_not_found(find: Callable[[str], list[int]], writer: WritingThread) -> None:
    """After removal a message's words find nothing, and the others still do."""
    writer.run(lambda tx: remove_from_index(tx.connection, 1, [101]))
    assert (find("printer"), find("drucker")) == ([], [2])


def test_an_erased_word_leaves_no_byte_in_the_file(sqlite_path: Path, sqlite_database: Database) -> None:
    """After removal and a truncating checkpoint the word is neither in the database file nor in its log."""
    secret, prefix = "zqxjkvbwsecretword", "zqxjkvbw"
    writer = WritingThread(sqlite_database)
    writer.start()

    def fill(transaction: Transaction) -> None:
        rows = [
            (1, id, [f"w{id}", secret if id % 50 == 0 else "other", prefix + str(id)]) for id in range(1, 501)
        ]
        add_to_index(transaction.connection, rows)

    def left() -> set[str]:
        files = [sqlite_path, *sqlite_path.parent.glob(sqlite_path.name + "-*")]
        return {file.name for file in files if prefix.encode() in file.read_bytes()}

    writer.run(fill)
    assert left()
    writer.run(lambda tx: remove_from_index(tx.connection, 1, range(1, 501)))
    writer.run(lambda tx: add_to_index(tx.connection, [(1, 501, ["kept"])]))
    writer.close()
    sqlite_database.close()
    with sqlite_database.writing.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
    assert (busy, left()) == (0, set())


def test_the_index_knows_that_words_of_removed_rows_are_left_until_it_is_rewritten(
    sqlite_path: Path, sqlite_database: Database
) -> None:
    """One of many rows removed: its word stays in the file, and the index says so; rewritten, neither is true."""
    word = "zqxjkvbwsecretword"
    writer = WritingThread(sqlite_database)
    writer.start()

    def left() -> tuple[bool, bool]:
        assert sqlite_database.empty_log()
        with sqlite_database.read() as connection:
            return word.encode() in sqlite_path.read_bytes(), holds_removed_words(connection)

    rows = [(1, id, [f"w{id}", word if id == 250 else "other"]) for id in range(1, 501)]
    writer.run(lambda tx: add_to_index(tx.connection, rows))
    assert left() == (True, False)
    writer.run(lambda tx: remove_from_index(tx.connection, 1, [250]))
    assert left() == (True, True)
    begin = True
    while writer.run(lambda tx, first=begin: rewrite_index(tx.connection, begin=first)):  # type: ignore[misc]
        begin = False
    assert left() == (False, False)
    writer.close()


def test_a_query_asks_for_each_word_once() -> None:
    """Repeated words, and beginnings of words that are asked for anyhow, cost nothing more."""
    assert query_terms("print print PRINT print*") == [Term("print", False)]
    assert query_terms("p* pr* pri* printer* drucker") == [Term("printer", True), Term("drucker", False)]
    assert query_terms("printers print*") == [Term("printers", False)]
    assert query_terms("print* printers room*") == [Term("printers", False), Term("room", True)]


@pytest.mark.parametrize(
    "query",
    [
        *("a*", "ab* c*", "ab* cd* ef* gh* ij*"),
        " ".join(f"{chr(97 + number % 26)}*" for number in range(330)),
        " ".join(f"{chr(97 + number // 26)}{chr(97 + number % 26)}*" for number in range(330)),
        " ".join(f"word{number}" for number in range(QUERY_TERMS + 1)),
        "".join(chr(0x4E00 + number) for number in range(40))
        + " "
        + "".join(chr(0x5E00 + number) for number in range(40)),
    ],
)
def test_a_query_that_reads_most_of_the_index_is_told_before_it_runs(query: str) -> None:
    """Too many words, too many beginnings of words, and beginnings of one letter are refused from the text alone."""
    assert why_too_broad(query)


@pytest.mark.parametrize(
    "query",
    [
        *("", "a", "printer room 12", "pr*", "打*", "プ*", "เ*", "a a* aa*", "ana@customer.example*"),
        " ".join(f"{letters}*" for letters in ("ab", "cd", "ef", "gh")[:QUERY_PREFIXES]),
        " ".join(["print*"] * 300),
        " ".join(f"word{number}" for number in range(QUERY_TERMS)),
    ],
)
def test_what_people_search_for_is_not_too_broad(query: str) -> None:
    """A sentence, a few beginnings, one character of a script without spaces, and repetitions are searched for."""
    assert why_too_broad(query) is None


def test_a_query_of_repetitions_is_one_term_to_the_engine(
    database: Database, find: Callable[[str], list[int]]
) -> None:
    """Of three hundred beginnings of one word the engine is asked for the longest alone."""
    asked = list[str]()

    def note(_c: object, _u: object, statement: str, parameters: object, *_: object) -> None:
        if "message_index" in statement:
            asked.append(str(parameters))

    event.listen(database._reading, "before_cursor_execute", note)
    assert find(" ".join(["p*", "pr*", "pri*", "print*"] * 75)) == [1]
    assert [each.count("*") for each in asked] == [1]
