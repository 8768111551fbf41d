"""What score a message gets and what follows from it. Pure decisions over values: no clock, no storage, no network.

Job: turn a parsed message into the ``Document`` the classifier understands (it knows no e-mail), a score into a
verdict, and a verdict into words. What a filter or a mail store ahead of us wrote (X-Spam-*, Status, ...) and what we
wrote (X-Mailhub-*) is never looked at: it says what somebody else thought, not what the mail is. Received lines of the
operator's own hosts stay: they hold the client's address and name, the part of the chain that no sender can forge, and
what is in every mail weighs nothing.

Must not: learn (the ledger does), know an address list (rules.py does), or raise on any message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from classifier import model, naming, tokens
from mailhub.message.values import Parsed


class Verdict(StrEnum):
    """What the filter thinks of a message. Only spam moves a ticket; unsure is shown to the agents as such."""

    SPAM = "spam"
    HAM = "ham"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterSettings:
    """When a score is a verdict. Below either minimum of trained messages every verdict is unsure."""

    spam_probability: float = 0.9
    ham_probability: float = 0.3
    minimum_spam: int = 20
    minimum_ham: int = 20
    trusts_hosts: bool = False  # somebody ahead of us authenticates senders: mail without his word is unproven


_ADDED = re.compile(
    r"(?:x-.*(?:spam|virus|scan|bogosity|phish|junk).*|.*-spam-.*|spam|x-(?:mailhub|imap\w*|uid|keywords|status|mozilla|gmail|ham"
    r"|dspam|crm114|rspamd|pyzor|razor|barracuda|pmx|proofpoint|ms-exchange-organization|microsoft|forefront|ironport|loop)\b.*"
    r"|x-.*-(?:scl|bcl|score)|authentication-results|arc-.*|received-spf|status|content-length|lines|delivered-to|x-original-to"
    r"|x-envelope-.*|envelope-to|xref|x-evolution.*)\Z"
)
_SEPARATE = frozenset(["subject", "date"])  # the subject has a group of its own, a date only its shape
_OPAQUE = frozenset(["dkim-signature", "domainkey-signature", "x-google-dkim-signature", "autocrypt"])  # key material
_IP = re.compile(r"\b(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.\d{1,3}\b")
_ADDRESS = re.compile(r"[^\s\"'<>\\]{1,300}")
_KINDS = str.maketrans(
    "".join(map(chr, [*range(97, 123), *range(65, 91), *range(48, 58)])), "a" * 26 + "A" * 26 + "0" * 10
)
_RUN = re.compile(r"([aA0])\1++")
_ONE_WORD = {code: f"_{code:x}" for code in range(128) if not chr(code).isalnum() and chr(code) not in "_$!'-"}
_ZONE = re.compile(r"[+-]\d{4}.*")
_STEPS = 40  # scorings of an explanation; each leaves out a quarter more, so the last would leave out thousands
_TEXT_LINKS = 10_000  # characters of the visible text that are searched for bare URLs


def document(raw: bytes, parsed: Parsed, authentication: Mapping[str, str] | None = None) -> tokens.Document:
    """The fields of a message for the classifier. ``authentication``: method -> result, e.g. {"dkim": "pass"}."""
    headers = _headers(parsed)
    links = dict.fromkeys([*parsed.links, *_bare_links(parsed.text[:_TEXT_LINKS])])
    return tokens.Document(
        headers=tuple(_words(headers)),
        marks=tuple(_marks(headers, authentication or {})),
        subject=parsed.subject,
        text=parsed.text,
        hidden_text=parsed.hidden_text,
        html=parsed.html,
        links=tuple(links),
        structure=tuple(_structure(raw, parsed)),
        spelling="".join([f"{name}: {value}\n" for name, value in headers]),
    )


def _bare_links(text: str) -> list[str]:
    """URLs that stand in the text as such, whatever their scheme: split at the literal, a fifth of a pattern's cost."""
    found = (_ADDRESS.match(piece) for piece in text.split("://", tokens.LINKS)[1:])
    return ["http://" + each.group() for each in found if each is not None]


def _headers(parsed: Parsed) -> list[tuple[str, str]]:
    """The headers the sender's side wrote, at most as many as the classifier looks at."""
    kept = []
    for name, value in parsed.headers:
        if _is_added(name.lower()):
            continue
        kept.append((name, value))
        if len(kept) == tokens.HEADER_LINES:
            break
    return kept


@lru_cache(maxsize=4096)
def _is_added(name: str) -> bool:
    """Whether a header of this lower-case name was added by a filter or a mail store."""
    return _ADDED.match(name) is not None


def _words(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names in lower case; values only where words mean something."""
    words = []
    for name, value in headers:
        lower = name.lower()
        if lower not in _SEPARATE:
            words.append((lower, "" if lower in _OPAQUE else value))
    return words


def _marks(headers: list[tuple[str, str]], authentication: Mapping[str, str]) -> list[str]:
    """What the words of the headers do not say: shapes of ids and dates, networks, results of authentication."""
    marks = [f"auth-{method}-{result}" for method, result in sorted(authentication.items())]
    for name, value in headers:
        lower = name.lower()
        if lower == "received":
            for first, second, third in _IP.findall(value[:1000])[:4]:
                marks += [f"net-{first}-{second}", f"net-{first}-{second}-{third}"]
        elif lower == "message-id":
            marks.append("id-" + _shape(value.partition("@")[0].lstrip("<")))
        elif lower == "date":
            zone = _ZONE.search(value[:100])
            marks += ["date-" + _shape(value), "zone-" + _joined(zone.group() if zone else "none")]
    return marks


def _shape(value: str) -> str:
    """Runs of letters, capitals and digits as a, A and 0, so that values of one mailer look alike."""
    return _joined(_RUN.sub(r"\1", value[:100].translate(_KINDS)))


def _joined(value: str) -> str:
    """One word of the classifier: what separates words is replaced."""
    return value[:60].translate(_ONE_WORD)


def _structure(raw: bytes, parsed: Parsed) -> list[str]:
    """One word for each thing about the MIME structure."""
    words = [f"size-{len(raw).bit_length()}", f"text-size-{len(parsed.text).bit_length()}", *parsed.flags[:20]]
    for part in parsed.parts[:20]:
        words += [f"type-{_joined(part.content_type)}", f"encoding-{_joined(part.encoding)}"]
        charset = part.parameters.get("charset")
        if charset:
            words.append(f"charset-{_joined(charset)}")
    for attachment in parsed.attachments[:10]:
        words.append(f"file-{_joined(attachment.filename.rpartition('.')[2][:10])}")
        words.append(f"file-size-{attachment.size_bytes.bit_length()}")
    return words


def decide(score: model.Score, *, spam: int, ham: int, settings: FilterSettings) -> Verdict:
    """The verdict that follows from a score by a model of ``spam`` and ``ham`` trained messages."""
    if spam < settings.minimum_spam or ham < settings.minimum_ham:
        return Verdict.UNSURE
    if score.probability >= settings.spam_probability:
        return Verdict.SPAM
    return Verdict.HAM if score.probability < settings.ham_probability else Verdict.UNSURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One feature that weighed, in words."""

    group: str  # one of tokens.GROUPS
    field: str  # header name, "subject", "link", ...
    words: str
    weight: float  # positive speaks for spam
    spam: int  # trained spam messages that have it
    ham: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The nearest change of verdict: more labels, or this message without its ``features`` heaviest features."""

    verdict: Verdict
    missing_spam: int = 0
    missing_ham: int = 0
    features: int = 0
    without: tuple[Reason, ...] = ()  # the heaviest of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a message has its verdict."""

    verdict: Verdict
    probability: float
    log_odds: float
    spam: int  # messages the model was trained on
    ham: int
    reasons: tuple[Reason, ...]  # heaviest first
    nearest: Change | None  # None when nothing within reach changes the verdict


def explain(
    counts: model.Counts,
    shown: tokens.Document,
    settings: FilterSettings,
    *,
    reasons: int = 20,
    secret: int = 0,
    prior: model.Counts | None = None,
) -> Explanation:
    """Score a document and say in words what decided. Costs some tens of scorings: for one message at a time."""
    features = tokens.features(shown, secret=secret)
    score = model.score(counts, features, evidence=features.size, prior=prior)
    spam, ham = model.documents(counts, prior)
    verdict = decide(score, spam=spam, ham=ham, settings=settings)
    removed, changed = _nearest(counts, prior, features, score, verdict, settings)
    wanted = [*score.evidence[:reasons], *removed[:reasons]]
    named = naming.name_features(shown, [each.feature for each in wanted], secret=secret)
    nearest = None
    if changed is not None:
        nearest = Change(
            verdict=changed,
            missing_spam=max(0, settings.minimum_spam - spam),
            missing_ham=max(0, settings.minimum_ham - ham),
            features=len(removed),
            without=tuple(_reason(each, named) for each in removed[:reasons]),
        )
    return Explanation(
        verdict=verdict,
        probability=score.probability,
        log_odds=score.log_odds,
        spam=counts.spam,
        ham=counts.ham,
        reasons=tuple(_reason(each, named) for each in score.evidence[:reasons]),
        nearest=nearest,
    )


def _reason(evidence: model.Evidence, named: Mapping[int, naming.Named]) -> Reason:
    name = named[evidence.feature]
    return Reason(
        group=name.group,
        field=name.field,
        words=name.words,
        weight=evidence.weight,
        spam=evidence.spam,
        ham=evidence.ham,
    )


def _nearest(
    counts: model.Counts,
    prior: model.Counts | None,
    features: tokens.Features,
    score: model.Score,
    verdict: Verdict,
    settings: FilterSettings,
) -> tuple[list[model.Evidence], Verdict | None]:
    """Features to leave out, heaviest first, until the verdict is another one; scored anew at every step.

    Others of the group take the place of those left out, so the sum falls slowly: each step leaves out a quarter more.
    """
    enough = replace(settings, minimum_spam=0, minimum_ham=0)
    spam, ham = model.documents(counts, prior)
    if spam < settings.minimum_spam or ham < settings.minimum_ham:
        return [], decide(score, spam=spam, ham=ham, settings=enough)
    sign = 1.0 if score.log_odds > 0 else -1.0
    removed: list[model.Evidence] = []
    for _ in range(_STEPS):
        against = [each for each in score.evidence if each.weight * sign > 0][: 1 + len(removed) // 4]
        if not against:
            break
        removed += against
        features = tokens.without(features, [each.feature for each in against])
        score = model.score(counts, features, evidence=features.size, prior=prior)
        changed = decide(score, spam=spam, ham=ham, settings=enough)
        if changed != verdict:
            return removed, changed
    return [], None
