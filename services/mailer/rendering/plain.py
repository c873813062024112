"""Tables and facts as plain text, aligned for a font in which all letters are equally wide."""

from collections.abc import Iterator, Sequence
from unicodedata import combining, east_asian_width

from services.mailer.domain.tokens import one_line
from services.mailer.rendering.content import Fact, Table

_GAP = "  "


def width(text: str) -> int:
    """How many columns the text takes: two for a wide letter, none for a mark on another one."""
    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """The text filled up with spaces, before it if it is to stand at the right."""
    space = " " * max(0, columns - width(text))
    return space + text if right else text + space


def facts(lines: Sequence[Fact]) -> str:
    """A line for each fact, values below each other."""
    most = max((width(line.label) for line in lines), default=0) + 1
    return "\n".join(f"{padded(f'{line.label}:', most)} {one_line(line.value)}" for line in lines)


def table(table: Table) -> str:
    """Title, heads, rows with their links below, what is not shown, totals."""
    figures = [column.figures for column in table.columns]
    grid = [[column.head for column in table.columns]]
    grid += [[one_line(cell) for cell in row.cells] for row in table.rows]
    widths = [max(width(line[at]) for line in grid) for at in range(len(figures))]

    def line(cells: Sequence[str]) -> str:
        fields = zip(cells, widths, figures, strict=True)
        return _GAP.join(padded(cell, most, right=right) for cell, most, right in fields).rstrip()

    def lines() -> Iterator[str]:
        yield table.title
        yield ""
        yield line(grid[0])
        yield _GAP.join("-" * most for most in widths)
        for row, cells in zip(table.rows, grid[1:], strict=True):
            yield line(cells)
            if row.link:
                yield f"{_GAP}{row.link.label}: {row.link.address}"
        if table.totals:
            yield _GAP.join("-" * most for most in widths)
            yield from _totals(table.totals, sum(widths) + len(_GAP) * (len(widths) - 1))
        if table.more:
            yield ""
            yield table.more

    return "\n".join(lines())


def _totals(totals: Sequence[Fact], across: int) -> Iterator[str]:
    most = max(width(total.value) for total in totals)
    for total in totals:
        yield padded(f"{total.label}{_GAP}{padded(total.value, most, right=True)}", across, right=True)
