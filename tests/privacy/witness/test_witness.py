"""The witness: finds a person however they are written, nobody else, and reads no more than it is given."""

from __future__ import annotations

import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from mailhub.privacy.witness.layers import layers
from mailhub.privacy.witness.marks import Marks
from mailhub.privacy.witness.search import Looked, Witness
from mailhub.privacy.witness.unpacking import LEAST_BYTES, Bounds
from tests.houses.desk import Desk
from tests.privacy.erasing import scene as scenes
from tests.privacy.erasing.scene import KEYS, Scene
from tests.privacy.witness.planting import Planted, attached, mail, planted

WHO = Planted("zelie.dupont", "customer.example", "Z\u00e9lie Dupont")
WAYS = planted(WHO)
MARKS = Marks([WHO.address], [WHO.name])


def signs(raw: bytes, marks: Marks = MARKS) -> set[str]:
    """What the witness sees in a mail."""
    return {kind for _, text in layers(raw, Bounds.of(raw)) for kind in marks.found_in(text)}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_is_seen(way: str) -> None:
    """However a person is written into a mail, the witness sees them there."""
    assert signs(WAYS[way])


def test_a_plain_mail_shows_nobody() -> None:
    """The mails that the person is planted into say nothing of them by themselves."""
    assert not signs(mail("Hello, the printer is broken.").as_bytes())
    assert not signs(attached(b"a,b,c\r\n"))


@pytest.mark.parametrize(
    "text",
    [
        "elie.dupont@customer.example",
        "azelie.dupont@customer.example",
        "zelie.dupont@customer.example.org",
        "zelie.dupont@customer.examples",
        "zelie.dupont@other-customer.example",
        "zelie.dupont@my.customer.example",
        "zeliexdupont@customer.example",
        "joe.zelie.dupont@customer.example",
        "joe-zelie.dupont@customer.example",
        "Zelie Dupontel",
        "Mazelie Dupont",
        "zelie and Monsieur Dupont",
    ],
)
def test_somebody_like_them_is_somebody_else(text: str) -> None:
    """An address or a name that only begins or ends like the person's is no sign of them."""
    assert not signs(mail(f"Write to {text} please.").as_bytes())


def test_punycode_and_unicode_are_one() -> None:
    """A domain is known in the form that it was not named in."""
    unicode = Marks(["kim@m\u00fcller.example"])
    ascii_ = Marks(["kim@xn--mller-kva.example"])
    for marks in (unicode, ascii_):
        assert signs(mail("to kim@m\u00fcller.example").as_bytes(), marks)
        assert signs(mail("to kim@xn--mller-kva.example").as_bytes(), marks)


def test_a_name_without_spaces_between_its_words() -> None:
    """A name in a script without spaces is seen within a sentence."""
    assert signs(
        mail("\u6628\u65e5\u5c71\u7530\u82b1\u5b50\u3055\u3093\u304c").as_bytes(),
        Marks([], ["\u5c71\u7530\u82b1\u5b50"]),
    )


def test_what_cannot_be_read_is_told() -> None:
    """An encrypted archive, a bomb and one of an unknown kind are told as not read, and cost no more than the bound."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(4 * LEAST_BYTES))
    bomb = attached(made.getvalue())
    bounds = Bounds.of(bomb)
    read = sum(len(text) for _, text in layers(bomb, bounds))
    assert bounds.cut
    assert read < 8 * (LEAST_BYTES + 8 * len(bomb))

    sealed = bytearray(made.getvalue())
    for magic in (b"PK\x03\x04", b"PK\x01\x02"):
        flags = sealed.find(magic) + (6 if magic == b"PK\x03\x04" else 8)
        sealed[flags] |= 1
    for closed in (bytes(sealed), b"7z\xbc\xaf\x27\x1c" + bytes(40)):
        raw = attached(closed)
        bounds = Bounds.of(raw)
        list(layers(raw, bounds))
        assert bounds.closed


HOSTILE = {
    "comments": b"<!-- " * 20_000,
    "streams": b"%PDF" + b"stream\n" * 15_000,
    "uuencode": b"begin 644 x\n" * 8_000,
    "compressed rtf": b"\xff\xff\xff\0\xff\xff\xff\0LZFu" * 8_000,
    "parameters": b"; a*0=x" * 15_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_read_grows_with_the_mail_alone(kind: str) -> None:
    """Beginnings without an end make the witness read no byte of a mail again and again."""
    small, large = (
        sum(len(text) for _, text in layers(raw, Bounds.of(raw)))
        for raw in (HOSTILE[kind][: len(HOSTILE[kind]) // 4], HOSTILE[kind])
    )
    assert large <= 6 * small


def renamed(archive: bytes) -> bytes:
    """An archive whose entry has, beside its data, a name in no charset."""
    name = archive.find("\u00e4".encode())
    return archive[:name] + b"\xff\xfe" + archive[name + 2 :]


def shifted(archive: bytes) -> bytes:
    """An archive whose entry lies before its beginning."""
    end = archive.rfind(b"PK\x05\x06")
    at = int.from_bytes(archive[end + 16 : end + 20], "little") + 10
    return archive[: end + 16] + at.to_bytes(4, "little") + archive[end + 20 :]


@pytest.mark.parametrize(
    "charset", ["undefined", "idna", "punycode", "unicode_escape", "utf\0", "hex", "utf-16"]
)
def test_a_charset_that_is_none_ends_no_search(charset: str) -> None:
    """Whatever a stranger names as charset, in a header or a word, the person is seen in the rest of the mail."""
    named = charset.encode()
    for raw in (
        b"Content-Type: text/plain; charset="
        + named
        + b"\n\nH\xc3\xa4llo\xff zelie.dupont@customer.example\n",
        b"Subject: =?" + named + b"?q?=ff=fe?=\n\nzelie.dupont@customer.example\n",
    ):
        assert signs(raw) == {"address"}


@pytest.mark.parametrize("damage", [renamed, shifted])
def test_a_damaged_archive_is_told_as_not_read(damage: Callable[[bytes], bytes]) -> None:
    """It raises nothing: an erasure must not end in what somebody attached."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("\u00e4.txt", "hello")
    raw = attached(damage(made.getvalue()))
    bounds = Bounds.of(raw)
    list(layers(raw, bounds))
    assert bounds.closed


def test_a_dictionary_of_gigabytes_is_never_made() -> None:
    """An .xz whose header claims a dictionary of 4 GiB is told as not read: a small machine cannot give so much."""
    made = bytearray(lzma.compress(b"hello"))
    end = 12 + (made[12] + 1) * 4 - 4
    made[16] = 40
    made[end : end + 4] = zlib.crc32(bytes(made[12:end])).to_bytes(4, "little")
    bounds = Bounds.of(bytes(made))
    list(layers(bytes(made), bounds))
    assert bounds.closed


def witness_of(scene: Scene, who: Planted) -> list[Looked]:
    """The whole search at this desk."""
    desk = scene.desk
    marks = Marks([who.address], [who.name])
    return list(Witness(database=desk.database, keys=KEYS, account=desk.account, marks=marks).pages())


def test_done_means_found_nowhere_or_on_the_receipt(desk: Desk, tmp_path: Path) -> None:
    """Planted in every way, a person is found in every mail; after the erasure what is found stands on the receipt."""
    scene = scenes.set_up(desk, tmp_path)
    desk.mail(f"{WHO.name} <{WHO.address}>")
    at = {desk.message_of(desk.receive(raw, mail_from="mia@else.example")): way for way, raw in WAYS.items()}

    before = {place.where for page in witness_of(scene, WHO) for place in page.places}
    assert [way for message, way in at.items() if f"message:{message}" not in before] == []

    erasure = scene.erase(WHO.address)
    assert (erasure.state, erasure.reason) == ("done", "")
    assert erasure.receipt is not None
    told = json.loads(erasure.receipt)
    exceptions = {(each["where"], each["what"]) for each in told["exceptions"] if "where" in each}
    after = {(place.where, place.what) for page in witness_of(scene, WHO) for place in page.places}
    assert after <= exceptions
    assert told["witness"]["found"] == len(exceptions)
    assert told["witness"]["messages"] > len(WAYS)
    # Whoever they were in clear in is redacted; what is left is a digest, a disguise, or within a file.
    assert "plain" not in {
        at[int(where.partition(":")[2])] for where, _ in exceptions if where.startswith("message:")
    }
    assert not any(
        WHO.address in json.dumps(each) or WHO.name in json.dumps(each) for each in told["exceptions"]
    )
