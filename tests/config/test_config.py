"""The configuration: what it says when it is wrong, and that its example and page are true."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from mailhub.cli.service import serve
from mailhub.config import SECTIONS, Config, file
from mailhub.config import text as configuration_text
from mailhub.errors import ConfigurationError

ROOT = Path(__file__).parents[2]


def faults_of(path: Path, text: str, **environment: str) -> list[str]:
    """The faults of a configuration text, with the file's name instead of its path."""
    path.write_text(text, encoding="utf-8")
    _, faults = file.read(path, environment)
    return [str(fault).replace(str(path), "FILE") for fault in faults]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[smtp]\nport = 25\nprot = 26\n", "FILE:3: unknown setting smtp.prot; did you mean smtp.port?"),
        ("[stmp]\nport = 25\n", "FILE:1: unknown section stmp; did you mean smtp?"),
        (
            "# a remark\nport = 25\n",
            "FILE:2: setting port stands outside of a section; did you mean smtp.port?",
        ),
        ('[smtp]\nport = "25"\n', "FILE:2: smtp.port must be a whole number, not '25'"),
        ("[smtp]\nport = true\n", "FILE:2: smtp.port must be a whole number, not True"),
        ('[http]\n\nenabled = "no"\n', "FILE:3: http.enabled must be true or false, not 'no'"),
        ("[smtp]\nport = 70000\n", "FILE:2: smtp.port must be at most 65535, not 70000"),
        ("[limits]\nline_bytes = 10\n", "FILE:2: limits.line_bytes must be at least 1000 bytes, not 10"),
        (
            '[log]\nlevel = "loud"\n',
            "FILE:2: log.level must be one of debug, info, warning, error, not 'loud'",
        ),
        ("smtp.prot = 25\n", "FILE:1: unknown setting smtp.prot; did you mean smtp.port?"),
        ("smtp = 25\n", "FILE:1: smtp is a section: write [smtp] and its settings below it"),
        (
            "[admin]\nusers = { 1000 = 5 }\n",
            'FILE:2: admin.users must be a table of texts: { "1000" = "ana@example.com" }',
        ),
    ],
)
def test_fault_names_file_line_and_remedy(tmp_path: Path, text: str, fault: str) -> None:
    """A setting that cannot be used is named with file, line and what to write instead."""
    assert faults_of(tmp_path / "mailhub.toml", text) == [fault]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[spam]\nspam_threshold = nan\n", "FILE:2: spam.spam_threshold must be a number, not nan"),
        ("[limits]\ndata_seconds = inf\n", "FILE:2: limits.data_seconds must be a number, not inf"),
        (
            '[smtp]\nhostname = "a.example\\r\\n250 x"\n',
            r"FILE:2: smtp.hostname must be a host name like mail.example.com, not 'a.example\r\n250 x'",
        ),
        (
            '[smtp]\nhostname = "a b"\n',
            "FILE:2: smtp.hostname must be a host name like mail.example.com, not 'a b'",
        ),
        (
            "[spam]\nham_threshold = 0.5\nspam_threshold = 0.5\n",
            "FILE:2: spam.ham_threshold must be below spam.spam_threshold: 0.5 is not below 0.5",
        ),
    ],
)
def test_values_that_would_do_harm_are_refused(tmp_path: Path, text: str, fault: str) -> None:
    """No infinite or undefined number, no greeting with a second line in it, no two verdicts for one probability."""
    assert faults_of(tmp_path / "mailhub.toml", text) == [fault]


def test_every_fault_is_found(tmp_path: Path) -> None:
    """All faults are reported, not just the first."""
    text = '[smtp]\nprot = 1\n[http]\nenabled = 1\n[log]\nlevel = "x"\n'
    assert [each.split(": ")[0] for each in faults_of(tmp_path / "m.toml", text)] == [
        "FILE:2",
        "FILE:4",
        "FILE:6",
    ]


def test_load_raises_the_first_fault(tmp_path: Path) -> None:
    """Loading a bad file raises a ConfigurationError that knows its place."""
    path = tmp_path / "mailhub.toml"
    path.write_text("[smtp]\nprot = 1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        file.load(path, {})
    assert caught.value.where == f"{path}:2"


@pytest.mark.parametrize("text", ["[smtp\n", "[smtp]\nport =\n"])
def test_text_that_is_no_toml_names_its_line(tmp_path: Path, text: str) -> None:
    """A syntax error is a configuration error with the line it is in."""
    path = tmp_path / "mailhub.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"mailhub\.toml:\d+: not TOML"):
        file.load(path, {})


def test_missing_file_says_why(tmp_path: Path) -> None:
    """A file that was named but is not there is a configuration error."""
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        file.load(tmp_path / "none.toml", {})


def test_environment_overrides_the_file(tmp_path: Path) -> None:
    """MAILHUB_SECTION__KEY wins over the file, in the setting's own type."""
    path = tmp_path / "mailhub.toml"
    path.write_text("[smtp]\nport = 25\nenabled = true\n", encoding="utf-8")
    environment = {
        "MAILHUB_SMTP__PORT": "2525",
        "MAILHUB_SMTP__ENABLED": "false",
        "MAILHUB_STORAGE__URL": "postgresql:///x",
        "MAILHUB_TOKEN": "not a setting",
    }
    config = file.load(path, environment)
    assert (config.smtp.port, config.smtp.enabled, config.database_url) == (2525, False, "postgresql:///x")


def test_unknown_variable_is_a_fault(tmp_path: Path) -> None:
    """A mistyped variable is reported by its name."""
    found = faults_of(tmp_path / "m.toml", "", MAILHUB_SMTP__PROT="1", MAILHUB_HTTP__PORT="many")
    assert found == [
        "$MAILHUB_HTTP__PORT: http.port must be a whole number, not 'many'",
        "$MAILHUB_SMTP__PROT: unknown setting smtp.prot; did you mean smtp.port?",
    ]


def test_relative_paths_are_taken_from_the_file(tmp_path: Path) -> None:
    """A relative path means the same wherever mailhub is started."""
    path = tmp_path / "mailhub.toml"
    path.write_text(
        '[storage]\ndirectory = "."\n[admin]\nsocket = "run/a"\n[smtp]\ntls_key = "k"\n', encoding="utf-8"
    )
    config = file.load(path, {})
    assert config.storage.directory.resolve() == tmp_path.resolve()
    assert config.admin.socket == tmp_path / "run/a"
    assert config.smtp.tls_key == str(tmp_path / "k")


def test_the_file_is_found_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--config wins over MAILHUB_CONFIG, which wins over ./var/mailhub.toml."""
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "var/mailhub.toml"
    own.parent.mkdir()
    own.write_text("", encoding="utf-8")
    assert file.find("a", {"MAILHUB_CONFIG": "b"}) == Path("a")
    assert file.find(None, {"MAILHUB_CONFIG": "b"}) == Path("b")
    assert file.find(None, {}) == Path("var/mailhub.toml")


def test_example_is_the_defaults(tmp_path: Path) -> None:
    """The example file, with every line of it in force, is exactly the default configuration."""
    path = tmp_path / "mailhub.toml"
    lines = configuration_text.example().splitlines()
    path.write_text(
        "\n".join(
            line.removeprefix("#") if " = " in line else line for line in lines if not line.startswith("# ")
        )
    )
    config, faults = file.read(path, {})
    assert faults == []
    defaults = Config()
    assert [getattr(config, section) for section in SECTIONS] == [
        getattr(defaults, section) for section in SECTIONS
    ]


def test_every_section_can_be_written() -> None:
    """A section of the configuration is one that a file may have."""
    assert list(SECTIONS) == [field.name for field in fields(Config) if field.name != "source"]


def test_every_setting_says_what_it_means() -> None:
    """Each field has a help text that is a sentence."""
    unsaid = [
        f"{section}.{field.name}"
        for section, kind in SECTIONS.items()
        for field in fields(kind)
        if not str(field.metadata["help"]).strip().endswith((".", ".)"))
    ]
    assert unsaid == []


def test_page_is_current() -> None:
    """docs/configuration.md is what `mailhub check-config --page` prints."""
    assert (ROOT / "docs/configuration.md").read_text(encoding="utf-8") == configuration_text.page()


def test_changed_tells_what_waits_for_a_restart(tmp_path: Path) -> None:
    """A reload applies some changes and names those it cannot apply."""
    path = tmp_path / "mailhub.toml"
    path.write_text("[smtp]\nport = 26\n[spam]\nspam_threshold = 0.99\n", encoding="utf-8")
    assert file.changed(Config(), file.load(path, {})) == (
        ["spam.spam_threshold"],
        ["smtp.port"],
    )


def test_an_offset_moves_every_port_that_is_listened_on(tmp_path: Path) -> None:
    """`serve --port-offset` adds to the port of every door, https among them; 0 stays a free one."""
    path = tmp_path / "mailhub.toml"
    path.write_text("[lmtp]\nport = 0\n", encoding="utf-8")
    shifted, plain = serve.load(path, 1000), Config()
    doors = [
        name for name in SECTIONS if hasattr(getattr(plain, name), "port") and name not in ("relay", "lmtp")
    ]
    assert {"smtp", "http", "https"} <= set(doors)
    assert {name: getattr(shifted, name).port - getattr(plain, name).port for name in doors} == dict.fromkeys(
        doors, 1000
    )
    assert (shifted.lmtp.port, shifted.relay.port) == (0, plain.relay.port)
