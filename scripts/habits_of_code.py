"""How the code reads, in figures: sizes, density, words beside code. One table, with norms and the best known peer.

Norms are aims, told and not enforced; what is absolute fails: a cycle of imports, a module without a
docstring, a function over 60 lines. Counted over mailhub, classifier and storage; migrations are frozen and
left out.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import statistics
import sys
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("mailhub", "classifier", "storage")
LONGEST_FUNCTION = 60  # lines
LONG_BODY = 10  # lines, from which a body without a blank line is counted
_LAYOUT = frozenset({tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT})
_END = frozenset({tokenize.ENDMARKER, tokenize.ENCODING})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One function."""

    where: str  # file:line name
    lines: int
    tokens: int
    unbroken: bool  # ten lines or more without a blank one
    long: bool
    parameters: int
    documented: bool
    public: bool


@dataclass(slots=True)
class Counted:
    """What was counted in all files."""

    files: dict[str, int] = field(default_factory=dict)
    bodies: list[Body] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)  # of lines with code
    code_lines: int = 0
    comments: int = 0
    docstring_lines: int = 0
    packed: int = 0
    conditional: int = 0
    walrus: int = 0
    undocumented: list[str] = field(default_factory=list)
    imports: dict[str, set[str]] = field(default_factory=dict)


def sources() -> Iterator[Path]:
    """Every file that is counted."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def count(paths: Iterable[Path]) -> Counted:
    """Count all files."""
    found = Counted()
    for path in paths:
        _count_file(found, path)
    return found


def _count_file(found: Counted, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    tree = ast.parse(text)
    name = str(path.relative_to(ROOT))
    found.files[name] = len(lines)
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    code = {token.start[0] for token in tokens if token.type not in _LAYOUT | _END}
    inside = set(_docstring_lines(tree))

    found.code_lines += len(code - inside)
    found.docstring_lines += len(inside)
    found.comments += sum(token.type == tokenize.COMMENT for token in tokens)
    found.lengths += [len(lines[number - 1]) for number in code - inside]
    if ast.get_docstring(tree) is None:
        found.undocumented.append(name)

    for node in ast.walk(tree):
        found.packed += _is_packed(node)
        found.conditional += isinstance(node, ast.IfExp)
        found.walrus += isinstance(node, ast.NamedExpr)
        if isinstance(node, Function):
            found.bodies.append(_body(name, node, lines, tokens))
    found.imports[_module(path)] = set(_imported(tree))


def _is_packed(node: ast.AST) -> bool:
    """``a, b = x, y``: two statements in one."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Tuple):
        return False
    return any(isinstance(target, ast.Tuple) for target in node.targets)


def _docstring_lines(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | Function) or ast.get_docstring(node) is None:
            continue
        first = node.body[0]
        yield from range(first.lineno, (first.end_lineno or first.lineno) + 1)


def _body(name: str, node: Function, lines: Sequence[str], tokens: Sequence[tokenize.TokenInfo]) -> Body:
    statements = node.body[1:] if ast.get_docstring(node) is not None else node.body
    begin = statements[0].lineno if statements else node.end_lineno or node.lineno
    end = node.end_lineno or node.lineno
    inside = [token for token in tokens if begin <= token.start[0] <= end and token.type not in _LAYOUT]
    own = lines[begin - 1 : end]
    arguments = node.args
    count_ = len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs)
    is_method = bool(arguments.args) and arguments.args[0].arg in ("self", "cls")
    return Body(
        where=f"{name}:{node.lineno} {node.name}",
        lines=end - node.lineno + 1,
        tokens=len(inside),
        long=len(own) >= LONG_BODY,
        unbroken=len(own) >= LONG_BODY and all(line.strip() for line in own),
        parameters=count_ - is_method,
        documented=ast.get_docstring(node) is not None,
        public=not node.name.startswith("_"),
    )


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(tree: ast.Module) -> Iterator[str]:
    """Modules imported at import time; what a function imports when it runs makes no cycle."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def cycles(imports: dict[str, set[str]]) -> list[str]:
    """Modules that reach themselves by their imports."""
    known = {module: names & imports.keys() - {module} for module, names in imports.items()}
    return sorted(module for module in known if module in _reached(known, module))


def _reached(known: dict[str, set[str]], module: str) -> set[str]:
    waiting = list(known[module])
    seen: set[str] = set()
    while waiting:
        each = waiting.pop()
        if each not in seen:
            seen.add(each)
            waiting += known[each]
    return seen


def _share(part: float, whole: float, per: int = 100) -> float:
    return round(per * part / whole, 1) if whole else 0.0


def _at(values: Sequence[int], share: float) -> int:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0


def figures(found: Counted) -> list[tuple[str, float, str, str]]:
    """Name, figure, norm, and what the best of eleven known codebases has."""
    sizes = list(found.files.values())
    lines = [body.lines for body in found.bodies]
    tokens = [body.tokens for body in found.bodies]
    long = [body for body in found.bodies if body.long]
    public = [body for body in found.bodies if body.public]
    code = found.code_lines
    return [
        ("files", len(sizes), "", ""),
        ("lines of a file, median", statistics.median(sizes), "", "96"),
        ("lines of a file, most", max(sizes), "<= 450", "399"),
        ("functions", len(lines), "", ""),
        ("lines of a function, median", statistics.median(lines), "", "7"),
        ("lines of a function, 99 of 100", _at(lines, 0.99), "", "31"),
        ("lines of a function, most", max(lines), f"<= {LONGEST_FUNCTION}", "59"),
        ("tokens of a body, median", statistics.median(tokens), "<= 40", "18"),
        ("tokens of a body, 90 of 100", _at(tokens, 0.9), "", "83"),
        ("tokens of a body, 99 of 100", _at(tokens, 0.99), "", "253"),
        ("length of a line, mean", round(statistics.mean(found.lengths), 1), "", "38"),
        ("length of a line, 90 of 100", _at(found.lengths, 0.9), "", "73"),
        (
            "long bodies without a blank line, %",
            _share(sum(b.unbroken for b in long), len(long)),
            "<= 30",
            "8",
        ),
        ("packed assignments per 1,000 lines", _share(found.packed, code, 1000), "<= 1", "0.0"),
        ("conditional expressions per 1,000 lines", _share(found.conditional, code, 1000), "", "1.6"),
        ("walrus per 1,000 lines", _share(found.walrus, code, 1000), "", "0.0"),
        ("comments per 100 lines", _share(found.comments, code), "5-8", "6"),
        ("docstring lines per 100 lines", _share(found.docstring_lines, code), "", "14.6"),
        ("more than 5 parameters", sum(body.parameters > 5 for body in found.bodies), "", ""),
        (
            "public functions without docstring, %",
            _share(sum(not b.documented for b in public), len(public)),
            "",
            "5",
        ),
    ]


def faults(found: Counted) -> list[str]:
    """What is not allowed, in words."""
    said = [f"imports itself in a circle: {module}" for module in cycles(found.imports)]
    said += [f"has no docstring: {name}" for name in found.undocumented]
    said += [
        f"is {body.lines} lines long, {LONGEST_FUNCTION} are the most: {body.where}"
        for body in found.bodies
        if body.lines > LONGEST_FUNCTION
    ]
    return said


def main() -> int:
    """Print the table; 1 when something absolute is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
    asked = parser.parse_args()
    found = count(sources())
    rows = figures(found)
    broken = faults(found)
    if asked.json:
        print(
            json.dumps({"figures": {name: value for name, value, _, _ in rows}, "faults": broken}, indent=2)
        )
        return bool(broken)

    print(f"{'':42}{'HERE':>10}{'NORM':>10}{'BEST PEER':>12}")
    for name, value, norm, best in rows:
        print(f"{name:42}{value:>10g}{norm:>10}{best:>12}")
    for each in broken:
        print(f"fault: {each}")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
