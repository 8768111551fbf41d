"""The filters compared: ours, and every peer behind the same two calls, each with an empty database in a folder.

A filter says with ``missing()`` what is not installed; ``score`` gives a number that grows with spamminess,
at the full precision the peer has, ``train`` teaches the label of a mail. Peers run as shipped; where that
would hold one back, the choice that favours it is taken and said beside it. Must not: read the true label of
a mail.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from classifier import model, tokens
from mailhub.message.parse import parse
from mailhub.reading import document
from scripts.rig.systems import START_SECONDS, PostfixRspamdBayes, System, UnixConnection, free_port, wait_for

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Mail:
    path: Path
    label: str
    taught: str  # what the filters are told, which may be wrong


class Filter:
    """One filter. A mail with a score above ``threshold`` counts as called spam."""

    name, threshold = "", 0.0

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def missing(cls) -> str:
        """What is not installed, "" when nothing is."""
        return "" if shutil.which(cls.name) else f"{cls.name} is not installed"

    def score(self, mail: Mail) -> float:
        raise NotImplementedError

    def train(self, mail: Mail) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """End what was started."""


class Mailhub(Filter):
    """Our own filter through the parser, as the pipeline uses it."""

    name = "mailhub"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.counts = model.Counts()
        self.features: dict[Path, tokens.Features] = {}

    @classmethod
    def missing(cls) -> str:
        return ""

    def score(self, mail: Mail) -> float:
        raw = mail.path.read_bytes()
        found = self.features[mail.path] = tokens.features(document.document(raw, parse(raw)))
        return model.score(self.counts, found).log_odds

    def train(self, mail: Mail) -> None:
        if mail.path not in self.features:
            self.score(mail)
        model.train(self.counts, self.features.pop(mail.path), mail.taught)


class Program(Filter):
    """A peer that is one process for a score and one for a label."""

    def run(self, *command: str, mail: Mail) -> str:
        with mail.path.open("rb") as content:
            return subprocess.run(
                command, stdin=content, capture_output=True, cwd=self.folder, timeout=60, check=False
            ).stdout.decode("latin-1")


class Bogofilter(Program):
    name, threshold = "bogofilter", 0.5

    def score(self, mail: Mail) -> float:
        return _number(self.run("bogofilter", "-d", ".", "-TT", mail=mail), 0.5)

    def train(self, mail: Mail) -> None:
        self.run("bogofilter", "-d", ".", "-s" if mail.taught == "spam" else "-n", mail=mail)


class SpamProbe(Program):
    name, threshold = "spamprobe", 0.5

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        subprocess.run(["spamprobe", "-d", str(folder), "create-db"], check=True, capture_output=True)

    def score(self, mail: Mail) -> float:
        return _number(self.run("spamprobe", "-d", ".", "score", mail=mail), 0.5)

    def train(self, mail: Mail) -> None:
        self.run("spamprobe", "-d", ".", "spam" if mail.taught == "spam" else "good", mail=mail)


class Bmf(Program):
    """Asked with -t: every other mode, -p too, also registers the mail under bmf's own verdict.

    Its spamicity has six digits, and mails of both kinds end at 1.000000. The words it rests on are printed
    with theirs, so their log odds are added here: the same order with fewer ties.
    """

    name = "bmf"
    _word = re.compile(r"-> (0\.\d+)$", re.MULTILINE)

    def score(self, mail: Mail) -> float:
        words = [float(found) for found in self._word.findall(self.run("bmf", "-d", ".", "-t", mail=mail))]
        return math.fsum(math.log(word / (1 - word)) for word in words)

    def train(self, mail: Mail) -> None:
        self.run("bmf", "-d", ".", "-s" if mail.taught == "spam" else "-n", mail=mail)


class Crm114(Program):
    """OSB as in the package's mailfilter.cf, which says how near its boundary to train: |pR| of 5 to 20."""

    name = "crm-20"
    _thickness = 20.0
    _classify = (
        "-{ isolate (:s:); { classify <osb unique microgroom> (spam.css | ham.css) (:s:) /[[:graph:]]+/ } "
        "output /:*:s:/ }"
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.last: dict[Path, float] = {}
        for kind in ("spam", "ham"):
            subprocess.run(
                ["crm", self._learn(kind)],
                input=b"\n",
                cwd=folder,
                capture_output=True,
                check=False,
                timeout=60,
            )

    @classmethod
    def missing(cls) -> str:
        return "" if shutil.which("crm") else "crm is not installed"

    def _learn(self, kind: str) -> str:
        return f"-{{ learn <osb unique microgroom> ({kind}.css) /[[:graph:]]+/ }}"

    def score(self, mail: Mail) -> float:
        self.last[mail.path] = _number(self.run("crm", self._classify, mail=mail).partition("pR:")[2], 0.0)
        return self.last[mail.path]

    def train(self, mail: Mail) -> None:
        if mail.path not in self.last:
            self.score(mail)
        score = self.last.pop(mail.path)
        if (score if mail.taught == "spam" else -score) < self._thickness:
            self.run("crm", self._learn(mail.taught), mail=mail)


class Crm114Thinner(Crm114):
    """The same with less training: which of the two is better depends on the mail."""

    name = "crm-10"
    _thickness = 10.0


class SpamAssassin(Filter):
    """Its Bayes alone, in a Perl process that stays (spamassassin_bayes.pl says how it is set up)."""

    name, threshold = "spamassassin", 0.5

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        driver = Path(__file__).with_name("spamassassin_bayes.pl")
        self.process = subprocess.Popen(
            ["perl", str(driver), str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def _ask(self, what: str, mail: Mail) -> str:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{what} {mail.path.resolve()}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"SpamAssassin ended at {mail.path.name}")
        return answer

    def score(self, mail: Mail) -> float:
        return _number(self._ask("score", mail), 0.5)

    def train(self, mail: Mail) -> None:
        self._ask(mail.taught, mail)

    def close(self) -> None:
        self.process.communicate()  # the end of its input is the end of it


class _RspamdAlone(PostfixRspamdBayes):
    """The rspamd of `scripts/bench intake`, with no Postfix before it.

    JSON gives six digits behind the point of a symbol's score: weights of 1e9 make them fifteen.
    """

    def start(self) -> None:
        self._milter_port = free_port()
        self._start_rspamd()
        wait_for("rspamd", self._socket.exists, seconds=START_SECONDS)
        self.connection = UnixConnection(self._socket)

    def _configure(self, local: Path) -> None:
        super()._configure(local)
        self._socket = self.folder / "run/controller.sock"
        (local / "worker-controller.inc").write_text(f'bind_socket = "{self._socket} mode=0600";\n')
        (local / "statistics_group.conf").write_text(
            'symbols { "BAYES_SPAM" { weight = 1e9; } "BAYES_HAM" { weight = -1e9; } }\n'
        )
        with (local / "classifier-bayes.conf").open("a") as settings:
            settings.write("min_learns = 1;\n")

    def stop(self) -> None:
        System.stop(self)


class Rspamd(Filter):
    """Its Bayes alone: the score of BAYES_SPAM or BAYES_HAM, 0 where it says neither. In its favour it speaks
    from the first mail of each kind on instead of the 200th.
    """

    name = "rspamd"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.chmod(0o755)  # it runs as a user of its own
        self.system = _RspamdAlone(folder)
        try:
            self.system.start()
        except BaseException:
            self.system.stop()
            raise

    @classmethod
    def missing(cls) -> str:
        return super().missing() or ("" if shutil.which("redis-server") else "redis is not installed")

    def _ask(self, path: str, mail: Mail, **headers: str) -> bytes:
        self.system.connection.request("POST", path, mail.path.read_bytes(), headers)
        answer = self.system.connection.getresponse()
        content = answer.read()
        if answer.status not in (200, 204, 208):  # 204: too few words; 208: learnt, or sure already
            raise RuntimeError(f"rspamd: {answer.status} {content[:300]!r}")
        return content

    def score(self, mail: Mail) -> float:
        only = json.dumps({"symbols_enabled": ["BAYES_SPAM", "BAYES_HAM"]})
        symbols = json.loads(self._ask("/checkv2", mail, Settings=only))["symbols"]
        return float(sum(symbols[name]["score"] for name in ("BAYES_SPAM", "BAYES_HAM") if name in symbols))

    def train(self, mail: Mail) -> None:
        self._ask(f"/learn{mail.taught}", mail)

    def close(self) -> None:
        self.system.stop()


FILTERS: tuple[type[Filter], ...] = (
    Mailhub,
    Bogofilter,
    SpamProbe,
    Bmf,
    Crm114,
    Crm114Thinner,
    SpamAssassin,
    Rspamd,
)


def _number(text: str, otherwise: float) -> float:
    found = _NUMBER.search(text)
    return float(found.group()) if found else otherwise
