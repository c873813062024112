"""What two versions of a text differ in, word by word."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

SAME, REMOVED, ADDED = "same", "removed", "added"

# A token is one word, since half of it means nothing; and a word brings the space before it along.
_WORD = re.compile(r"\s*(?:\{\{[^{}]*\}\}|</?[A-Za-z][^<>]*>|\w+|[^\w\s])|\s+")
_MOST_PAIRS = 4_000_000
"""Comparing words costs as many steps as both sides have pairs; beyond these the whole counts as changed."""


@dataclass(frozen=True)
class Piece:
    """A stretch of one side: the same on both, removed from the older, or added by the newer."""

    kind: str
    text: str


Side = tuple[Piece, ...]


def compare(older: str, newer: str) -> tuple[Side, Side]:
    """Both texts in pieces. Those of a side, put together, are its text."""
    if older == newer:
        same = _side([(SAME, older)])
        return same, same
    left, right = _WORD.findall(older), _WORD.findall(newer)
    if len(left) * len(right) > _MOST_PAIRS:
        return _side([(REMOVED, older)]), _side([(ADDED, newer)])
    steps = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    return (
        _side((SAME if step == "equal" else REMOVED, "".join(left[a:b])) for step, a, b, _, _ in steps),
        _side((SAME if step == "equal" else ADDED, "".join(right[c:d])) for step, _, _, c, d in steps),
    )


def _side(pieces: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> Side:
    return tuple(Piece(kind, text) for kind, text in pieces if text)
