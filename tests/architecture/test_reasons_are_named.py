"""Whoever calls a service finds every reason that it may refuse with in the comments of its protos."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SERVICES = ("mailer", "paynow", "scheduler")
REASON = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")

# Calls that make a refusal, a violation or a part of one, without a `raise` in front of them.
MAKERS = {
    "LineRefusal", "Problem", "Violation", "abort_for", "invalid_field",
    "_malformed", "_problem", "_refuse", "_wrong", "refuse",
}  # fmt: skip

# Reasons of `MoneyError`, which never leaves a service: whoever reads a line or an amount translates it.
OF_MONEY = {"NOT_A_NUMBER", "TOO_MANY_DECIMALS", "TOO_LARGE", "UNKNOWN_CURRENCY"}


def constants(node: ast.AST) -> Iterator[str]:
    """Texts in the code below the node that look like a reason."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and REASON.fullmatch(part.value):
            yield part.value


def refusals(source: str) -> set[str]:
    """The reasons that a module refuses with: those of its classes, of what it raises, of violations."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ClassDef():
                for line in node.body:
                    if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "reason":
                        found.update(constants(line))
            case ast.Raise(exc=ast.AST() as raised):
                found.update(constants(raised))
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in MAKERS:
                found.update(constants(node))
            case ast.Call(func=ast.Attribute(attr="append"), args=[ast.Tuple() as fault]):
                found.update(constants(fault))
            case ast.Dict():
                found.update(reason for value in node.values for reason in _of_money(node, value))
            case ast.Call(
                func=ast.Name(id="_text" | "text_of"), args=[_, _, ast.Constant(value=str(thing)), _]
            ):
                found.update({f"{thing}_MALFORMED", f"{thing}_TOO_LONG"})
                if not any(keyword.arg == "needed" for keyword in node.keywords):
                    found.add(f"{thing}_MISSING")
    return found - OF_MONEY


def _of_money(table: ast.Dict, value: ast.AST) -> Iterator[str]:
    """The values of a table whose keys are reasons of `MoneyError`."""
    if OF_MONEY & {key.value for key in table.keys if isinstance(key, ast.Constant)}:
        yield from constants(value)


def comments(*folders: str) -> set[str]:
    """What looks like a reason in the comments of the protos in these folders."""
    protos = [path for folder in folders for path in (REPOSITORY / "protos" / folder).rglob("*.proto")]
    lines = [line for path in protos for line in path.read_text().splitlines() if "//" in line]
    return {match.group() for line in lines for match in REASON.finditer(line.partition("//")[2])}


def reasons_of(folder: str) -> dict[str, set[str]]:
    """The reasons that each module below the folder refuses with."""
    modules = sorted((REPOSITORY / "services" / folder).rglob("*.py"))
    return {str(path.relative_to(REPOSITORY)): refusals(path.read_text()) for path in modules}


@pytest.mark.parametrize("service", SERVICES)
def test_every_reason_of_a_service_is_named_in_its_protos(service: str) -> None:
    named = comments(f"dunlin/{service}")
    missing = {
        module: sorted(found - named) for module, found in reasons_of(service).items() if found - named
    }
    assert missing == {}, "say in the comment of each RPC that can give it when it does"


def test_every_reason_that_services_share_is_named_somewhere() -> None:
    # The kinds of refusals have reasons of their own, which every refusal replaces.
    kinds = {"WRONG_STATE"}
    named = comments("dunlin") | kinds
    missing = {
        module: sorted(found - named) for module, found in reasons_of("shared").items() if found - named
    }
    assert missing == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("class Gone(Missing):\n    reason = 'IT_IS_GONE'", {"IT_IS_GONE"}),
        ("def f():\n    raise Invalid('no', reason='NOT_SO')", {"NOT_SO"}),
        ("wrong = invalid_field('field', 'FIELD_WRONG', 'It is wrong.')", {"FIELD_WRONG"}),
        ("def f():\n    return [Violation('a', 'A_EMPTY' if x else 'A_LONG', 'no')]", {"A_EMPTY", "A_LONG"}),
        ("wrong.append(('a', 'A_EMPTY', 'no'))", {"A_EMPTY"}),
        ("_text(record.name, 'name', 'NAME', 100)", {"NAME_MISSING", "NAME_MALFORMED", "NAME_TOO_LONG"}),
        ("_text(name, 'name', 'NAME', 100, needed=False)", {"NAME_MALFORMED", "NAME_TOO_LONG"}),
        ("table = {'NOT_A_NUMBER': 'AMOUNT_MALFORMED'}", {"AMOUNT_MALFORMED"}),
        ("url = required(env, 'DUNLIN_DATABASE_URL')", set()),
    ],
)
def test_reasons_are_found_wherever_code_refuses(source: str, found: set[str]) -> None:
    assert refusals(source) == found
