"""Molds: a mail's text with everything in place but what differs from mail to mail.

Writing a page, cleaning it, moving its styles onto the elements and turning it into plain text takes most of
the time of a mail, and gives the same for all mails of a template but for a few values. So it is done once,
with marks where those values go, and then only the values are put in.

That holds for values that are plain: printable, without spaces at the ends or in a row. They come out as they
went in, save for the escapes of markup. Whatever is not plain goes the whole way; tests compare the two.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_PLAIN = 200

# Spaces that the way to plain text would make one; amounts hold no-break ones.
_SPACES = re.compile("[ \u00a0]{2}|^\u00a0|\u00a0$")
# The way to plain text reads these twice.
_ENTITY = re.compile(r"&[#\w]")
_MARK = re.compile(r"zq(\d+)qz")
_TOKEN_IN_ATTRIBUTE = re.compile(r"""=\s*(?:"[^"]*\{\{[^"]*"|'[^']*\{\{[^']*')""")
_PAY_LINK = re.compile(r"""=\s*(["'])\{\{\s*pay\.link\s*\}\}\1""")


def mark(number: int) -> str:
    """What stands for the value of that number; no step on the way to a mail changes it."""
    return f"zq{number}qz"


def is_plain(value: str) -> bool:
    """Whether the value comes out of every step as it went in."""
    return (
        len(value) <= LONGEST_PLAIN
        and value.replace("\u00a0", "").isprintable()
        and not _SPACES.search(value)
        and not value.startswith(" ")
        and not value.endswith(" ")
        and not _ENTITY.search(value)
    )


def can_be_molded(html: str) -> bool:
    """Whether values stand in the text only: a link that one is a part of has to be looked at each time."""
    return not _MARK.search(html) and not _TOKEN_IN_ATTRIBUTE.search(_PAY_LINK.sub("", html))


def escaped(value: str) -> str:
    """A plain value as it stands in the text of a finished page."""
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(frozen=True)
class Mold:
    """Literals with values between them."""

    pieces: tuple[str, ...]
    slots: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> "Mold":
        """The mold of a text with marks in it."""
        parts = _MARK.split(text)
        return cls(tuple(parts[::2]), tuple(int(number) for number in parts[1::2]))

    def cast(self, values: Sequence[str]) -> str:
        """The text with these values in the places of their marks."""
        parts = list(self.pieces)
        for at, slot in enumerate(self.slots):
            parts[at] += values[slot]
        return "".join(parts)
