"""Tokens: the only thing beside plain text that a template may hold, written as {{ invoice.number }}.

Text of a template is split into literals and tokens by the scanner below and never reaches a template
engine, so it can neither call, loop nor look into anything. The scanner is linear in the text's length.
"""

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

LONGEST_TOKEN = 100
"""Characters between the braces; whatever is longer counts as braces that are never closed."""

MOST_TOKENS = 200
"""Tokens in one area; together with `LONGEST_VALUE` it bounds what a template can grow to."""

LONGEST_VALUE = 1000
"""Characters that a token may become."""

MOST_PROBLEMS = 20
"""Problems told about one area; further ones are found at the next try."""

_MARK = re.compile(r"\{\{|\}\}|\{%|\{#")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
# Everything that would break a line or a header: C0, C1, the Unicode separators, halves of pairs.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
# What turns the direction of all that follows, to the end of the line: with one in a client's name a subject
# reads as something else. The marks U+200E and U+200F turn nothing, and stay.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_UNSEEN_KINDS = frozenset(("Cc", "Cf", "Mn", "Zl", "Zp", "Zs"))
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


@dataclass(frozen=True)
class Slot:
    """A place that a token's value goes to."""

    name: str


Piece = str | Slot
Parsed = tuple[Piece, ...]


@dataclass(frozen=True)
class Problem:
    """What is wrong at one place of a text; line and column count from 1."""

    line: int
    column: int
    reason: str
    description: str


class _Scan:
    """One pass over one text."""

    def __init__(self, text: str, known: Iterable[str], elsewhere: Iterable[str]) -> None:
        self.text = text
        self.known = set(known)
        self.elsewhere = set(elsewhere)
        self.pieces: list[Piece] = []
        self.problems: list[Problem] = []

    def run(self) -> None:
        """Fills `pieces` and `problems`."""
        at = 0
        while (mark := _MARK.search(self.text, at)) and len(self.problems) < MOST_PROBLEMS:
            if mark.start() > at:
                self.pieces.append(self.text[at : mark.start()])
            at = self._token(mark.start()) if mark.group() == "{{" else self._stray(mark)
        if at < len(self.text):
            self.pieces.append(self.text[at:])

    def _token(self, start: int) -> int:
        end = self.text.find("}}", start + 2, start + LONGEST_TOKEN + 4)
        inside = self.text[start + 2 : end]
        if end < 0 or "{{" in inside:
            self._problem(
                start, "BRACES_BROKEN", "“{{” is never closed; write a token as {{ invoice.number }}."
            )
            return start + 2
        name = inside.strip()
        if not _NAME.fullmatch(name):
            self._problem(start, "TOKEN_MALFORMED", _malformed(name))
        elif name not in self.known:
            self._problem(start, "TOKEN_UNKNOWN", self._unknown(name))
        else:
            self.pieces.append(Slot(name))
        return end + 2

    def _stray(self, mark: re.Match[str]) -> int:
        if mark.group() == "}}":
            words = "“}}” closes nothing; write a token as {{ invoice.number }}."
            self._problem(mark.start(), "BRACES_BROKEN", words)
        else:
            words = f"“{mark.group()}” is not allowed: a text may hold tokens, no statements or comments."
            self._problem(mark.start(), "STATEMENT_NOT_ALLOWED", words)
        return mark.end()

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name.lower(), sorted(self.known), n=1, cutoff=0.5)
        hint = f" Did you mean {{{{ {near[0]} }}}}?" if near else " The list of tokens shows what there is."
        if name in self.elsewhere:
            return f"The token “{name}” has no meaning in this mail.{hint}"
        return f"There is no token “{name}”.{hint}"

    def _problem(self, at: int, reason: str, description: str) -> None:
        line = self.text.count("\n", 0, at) + 1
        column = at - self.text.rfind("\n", 0, at)
        self.problems.append(Problem(line, column, reason, description))


def _malformed(name: str) -> str:
    if not name:
        return "The braces are empty; write a token as {{ invoice.number }}."
    shown = name if len(name) <= 40 else name[:39] + "…"
    for sign, thing in (("|", "Filters"), ("(", "Calls"), ("[", "Subscripts")):
        if sign in name:
            return f"“{shown}” is not a token. {thing} are not allowed between the braces, only a name."
    return f"“{shown}” is not a token; between the braces only a name may stand, such as invoice.number."


def scan(
    text: str, known: Iterable[str], *, elsewhere: Iterable[str] = ()
) -> tuple[Parsed, tuple[Problem, ...]]:
    """The text as literals and tokens, and everything that is wrong with it.

    Never raises. `known` are the tokens that may be used; those in `elsewhere` exist, but not here, and
    get an explanation of their own. The pieces are of use only if there is no problem.
    """
    work = _Scan(text, known, elsewhere)
    work.run()
    slots = sum(isinstance(piece, Slot) for piece in work.pieces)
    if slots > MOST_TOKENS:
        words = f"There are {slots} tokens; at most {MOST_TOKENS} may stand in one area."
        work.problems.append(Problem(1, 1, "TOO_MANY_TOKENS", words))
    return tuple(work.pieces), tuple(work.problems)


def substitute(parsed: Parsed, values: Mapping[str, str], prepare: Callable[[str], str]) -> str:
    """The text with each token replaced by its value, after `prepare` has made that safe for the place."""
    return "".join(
        piece if isinstance(piece, str) else prepare(values[piece.name][:LONGEST_VALUE]) for piece in parsed
    )


def one_line(text: str) -> str:
    """The text without line breaks, control characters and turns of direction, fit for a header."""
    return _CONTROL.sub(" ", _TURNING.sub("", text)).strip()


def is_one_line(text: str) -> bool:
    """Whether the text holds no line break, no control character and no turn of direction."""
    return _CONTROL.search(text) is None and _TURNING.search(text) is None


def is_blank(text: str) -> bool:
    """Whether nothing of the text can be seen: spaces, also those without a width, and fillers."""
    return all(unicodedata.category(letter) in _UNSEEN_KINDS or letter in _FILLERS for letter in text)
