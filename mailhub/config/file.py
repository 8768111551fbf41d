"""The configuration file: found, read, checked, and written as an example. Job: text and environment -> ``Config``.

Every fault names ``file:line`` (or the environment variable) and what to do; all are collected, not just the
first. Sources: TOML 1.0. tomllib knows no lines, so a key's line is looked up in the text (``_line_of``).
Must not: import anything heavy (the CLI starts here), nor touch the files that settings name
(``health/checks/files.py`` does).
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import Field, fields
from math import isfinite
from pathlib import Path
from typing import Any

from mailhub.config import SECTIONS, Config
from mailhub.errors import ConfigurationError

SYSTEM_FILE = Path("/etc/mailhub/mailhub.toml")
CHECKOUT_FILE = Path("var/mailhub.toml")
PREFIX = "MAILHUB_"


def find(explicit: str | None = None, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The file to read: ``--config``, MAILHUB_CONFIG, ./var/mailhub.toml, the system's; None means the defaults.

    The one in the working directory counts only when it is the caller's or root's: no stranger's file leads anybody.
    """
    named = explicit or environment.get("MAILHUB_CONFIG")
    if named:
        return Path(named)
    if CHECKOUT_FILE.is_file() and CHECKOUT_FILE.stat().st_uid in (0, os.geteuid()):
        return CHECKOUT_FILE
    return SYSTEM_FILE if SYSTEM_FILE.is_file() else None


def load(path: Path | None, environment: Mapping[str, str] = os.environ) -> Config:
    """Read and check; raises ``ConfigurationError`` for the first fault."""
    config, faults = read(path, environment)
    if faults:
        raise faults[0]
    return config


def read(
    path: Path | None, environment: Mapping[str, str] = os.environ
) -> tuple[Config, list[ConfigurationError]]:
    """Every usable setting, and all faults found; raises only when the file as a whole cannot be read."""
    text = _text(path)
    tables = _tables(path, text)
    faults: list[ConfigurationError] = []
    values: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    base = path.resolve().parent if path else Path.cwd()

    for section, key, value in _given(tables):
        where = f"{path}:{_line_of(text, section, key)}"
        _place(values, faults, section, key, value, where, base)

    for variable, section, key, value in _overrides(environment):
        _place(values, faults, section, key, _from_text(section, key, value), f"${variable}", Path.cwd())
    config = Config(**{name: SECTIONS[name](**values[name]) for name in SECTIONS}, source=path)
    faults += _contradictions(config, text)

    return config, faults


def _contradictions(config: Config, text: str) -> Iterator[ConfigurationError]:
    """Settings that are right each for itself and wrong together."""
    if config.spam.ham_threshold >= config.spam.spam_threshold:
        where = (
            f"{config.source}:{_line_of(text, 'spam', 'ham_threshold')}"
            if config.source
            else "the environment"
        )
        low = config.spam.ham_threshold
        high = config.spam.spam_threshold
        fault = f"spam.ham_threshold must be below spam.spam_threshold: {low} is not below {high}"
        yield ConfigurationError(fault, where=where)


def _text(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"the configuration cannot be read: {reason}", where=str(path)) from None


def _tables(path: Path | None, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"{path}:{line[1]}" if line else f"{path}:{text.count(chr(10)) + 1}"
        raise ConfigurationError(f"not TOML: {error}", where=where) from None


def _given(tables: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(section, key, value) of the file; a key outside of every section, or an unknown section, has an empty key."""
    for section, table in tables.items():
        if section not in SECTIONS or not isinstance(table, dict):
            yield section, "", table
            continue
        for key, value in table.items():
            yield section, key, value


def _overrides(environment: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    for variable, value in sorted(environment.items()):
        if variable.startswith(PREFIX) and "__" in variable:
            section, key = variable.removeprefix(PREFIX).lower().split("__", 1)
            yield variable, section, key, value


def _from_text(section: str, key: str, value: str) -> Any:
    """An environment variable's text as TOML would have it; what does not fit is left for the type check to refuse."""
    field = _field(section, key)
    kind = str(field.type) if field else "str"
    if kind in ("str", "Path"):
        return value
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value


def _field(section: str, key: str) -> Field[Any] | None:
    if section not in SECTIONS:
        return None
    return next((each for each in fields(SECTIONS[section]) if each.name == key), None)


def _place(
    values: dict[str, dict[str, Any]],
    faults: list[ConfigurationError],
    section: str,
    key: str,
    value: Any,
    where: str,
    base: Path,
) -> None:
    """Check one setting and keep it, or keep the fault."""
    field = _field(section, key)
    try:
        if field is None:
            raise ConfigurationError(_unknown(section, key, value))  # noqa: TRY301 one place adds where
        values[section][key] = _checked(f"{section}.{key}", field, value, base)
    except ConfigurationError as error:
        faults.append(ConfigurationError(str(error), where=where))


def _unknown(section: str, key: str, value: Any) -> str:
    """What to say of a name we do not know, with the nearest one we do."""
    import difflib

    if section in SECTIONS and key:
        known = [each.name for each in fields(SECTIONS[section])]
        near = difflib.get_close_matches(key, known, 1)
        return f"unknown setting {section}.{key}" + (f"; did you mean {section}.{near[0]}?" if near else "")
    if section in SECTIONS:
        return f"{section} is a section: write [{section}] and its settings below it"
    homes = [name for name in SECTIONS if _field(name, section)]
    if not isinstance(value, dict) and homes:
        return f"setting {section} stands outside of a section; did you mean {homes[0]}.{section}?"
    near = difflib.get_close_matches(section, SECTIONS, 1)
    return f"unknown section {section}" + (f"; did you mean {near[0]}?" if near else "")


WANTED = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "a text in quotes"}
TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
    "str": (str,),
    "Path": (str,),
}


def _checked(name: str, field: Field[Any], value: Any, base: Path) -> Any:
    """The value in the field's type; raises ``ConfigurationError`` without a place."""
    kind = str(field.type)
    if kind.startswith("dict"):
        return _checked_table(name, value)
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "bool"):
        wanted = WANTED.get(kind, "a path in quotes")
        raise ConfigurationError(f"{name} must be {wanted}, not {value!r}")

    if isinstance(value, float) and not isfinite(value):
        raise ConfigurationError(f"{name} must be a number, not {value}")
    if field.name == "hostname" and value and not HOST_NAME.fullmatch(str(value)):
        raise ConfigurationError(f"{name} must be a host name like mail.example.com, not {value!r}")

    _check_bounds(name, field, value)
    if kind == "Path" or (value and field.name in FILES):
        path = base / str(value)
        return path if kind == "Path" else str(path)

    return float(str(value)) if kind == "float" else value


_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOST_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")  # RFC 1123 2.1
FILES = ("tls_certificate", "tls_key", "certificate", "key", "password_file")


def _checked_table(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ConfigurationError(f'{name} must be a table of texts: {{ "1000" = "ana@example.com" }}')
    return {str(key): text for key, text in value.items()}


def _check_bounds(name: str, field: Field[Any], value: Any) -> None:
    meta = field.metadata
    unit = f" {meta['unit']}" if meta["unit"] else ""
    if meta["choices"] and value not in meta["choices"]:
        raise ConfigurationError(f"{name} must be one of {', '.join(meta['choices'])}, not {value!r}")
    if meta["minimum"] is not None and value < meta["minimum"]:
        raise ConfigurationError(f"{name} must be at least {meta['minimum']:g}{unit}, not {value}")
    if meta["maximum"] is not None and value > meta["maximum"]:
        raise ConfigurationError(f"{name} must be at most {meta['maximum']:g}{unit}, not {value}")


def _line_of(text: str, section: str, key: str) -> int:
    """The line (from 1) that sets a key; that of its section, or 1, where the key is written in some rarer way."""
    inside = ""
    found = 1
    header = re.compile(r"\s*+\[++([^\]]++)\]")
    wanted = re.compile(rf"""\s*["']?{re.escape(key or section)}["']?\s*[.=]""")
    dotted = re.compile(rf"\s*{re.escape(section)}\s*\.\s*{re.escape(key)}\s*[.=]")

    for number, line in enumerate(text.splitlines(), 1):
        if match := header.match(line):
            inside = match[1].strip(" \t\"'")
            if inside in (section, f"{section}.{key}"):
                found = number
        elif (inside == (section if key else "") and wanted.match(line)) or (
            key and not inside and dotted.match(line)
        ):
            return number

    return found


def changed(old: Config, new: Config) -> tuple[list[str], list[str]]:
    """Names of the settings that differ: (those a reload applies, those that need a restart)."""
    applied: list[str] = []
    restart: list[str] = []
    for section, kind in SECTIONS.items():
        for field in fields(kind):
            before, after = (getattr(getattr(config, section), field.name) for config in (old, new))
            if before != after:
                (restart if field.metadata["restart"] else applied).append(f"{section}.{field.name}")
    return applied, restart
