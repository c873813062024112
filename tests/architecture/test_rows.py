"""The table of promises about client emails names pages and tests that exist, of each kind for each."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fakes.gateway_clients import a_story
from tests.fakes.gateway_visitor import a_site, an_identity

TESTS = Path(__file__).parents[1]
TABLE = TESTS.parent / "docs" / "rows.md"
ROWS = [*(f"A{number}" for number in range(1, 21)), "F2", "F6", "F9"]
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


class Row(NamedTuple):
    """One line of the table."""

    name: str
    promise: str
    page: str
    browser: str
    grpc: str


def rows() -> list[Row]:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if re.match(r"\| [A-F]\d", line)]
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines]


def names_in(path: Path) -> set[str]:
    """The names of the tests of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        one.name for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")
    }


def test_each_promise_has_its_line() -> None:
    assert [row.name for row in rows()] == ROWS


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_each_line_names_tests_that_exist(row: Row) -> None:
    for cell, folder in ((row.browser, TESTS / "browser"), (row.grpc, TESTS / "contracts")):
        named = NAMED.findall(cell)
        assert named, f"{row.name} names no test in {folder.name}"
        assert len(named) == cell.count("`") // 2, f"{row.name} names something else: {cell}"
        for file, name in named:
            path = TESTS.parent / file if file.startswith("tests/") else folder / file
            assert path.is_file(), f"{row.name} names {file}, which is not there"
            assert name in names_in(path), f"{row.name} names {name}, which {file} does not have"


def test_each_page_is_one_of_the_site(tmp_path: Path) -> None:
    database = an_identity(tmp_path)
    try:
        site = a_site(a_story(), database).url_map.bind("localhost")
        pages = [page for row in rows() for page in re.findall(r"`([^`#]+)(?:#\w+)?`", row.page)]
        assert len(pages) >= len(ROWS)
        for page in pages:
            assert site.test(re.sub(r"<\w+>", "1", page), "GET"), f"there is no page {page}"
    finally:
        database.dispose()
