"""Lines that say word for word what the last line of their invoice said.

Most lines of most lists do. They are known by their imprint, so that nothing of them has to be checked again.
"""

from collections.abc import Collection, Iterable, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from services.paynow.domain.lines import SyncRecord, has_sound_head

Numbers = dict[str, dict[str, int]]
"""By organization id and invoice number the line of a stream that named it first."""

Words = tuple[object, ...]
"""Some of the fields of a line."""

# The fields about the organization and the contact, and those about the invoice.
_HEAD = slice(1, SyncRecord._fields.index("invoice_number"))
_OF_INVOICE = slice(_HEAD.stop, None)

SAMPLE = 16
"""Lines of a batch by which it is seen whether it repeats anything."""


class ToldLine(NamedTuple):
    """A line as it came, whose invoice it is about, and what its words about that are known by."""

    record: SyncRecord
    organization_id: str
    number: str
    imprint: str


def told(record: SyncRecord) -> ToldLine:
    """The line with its imprint: equal ones mean equal words about the same invoice."""
    # The organization's id and the seven texts of the invoice; none may contain the separator.
    of_invoice: Any = record[_OF_INVOICE]
    words = "\x1f".join((record.organization_id, *of_invoice))
    imprint = blake2b(words.encode(), digest_size=12).hexdigest()
    return ToldLine(record, record.organization_id.strip(), record.invoice_number.strip(), imprint)


def sample(lines: Sequence[ToldLine]) -> Sequence[ToldLine]:
    """A few lines from all over the batch. Where none of them repeats anything, hardly any other does."""
    return lines[:: max(1, len(lines) // SAMPLE)]


def sift(
    lines: Iterable[ToldLine], repeated: Collection[str], numbers: Numbers
) -> tuple[list[ToldLine], int]:
    """The lines that have to be looked at, and how many need not be; those go to `numbers`.

    A line whose imprint is `repeated` says nothing new of its invoice. It need not be looked at if the line
    before it of that organization says the same of the organization and the contact, and is sure to be
    taken; and if the stream cannot have named its invoice before.
    """
    if not repeated:
        return list(lines), 0
    rest, skipped = [], 0
    heads: dict[str, Words] = {}
    to_look_at: set[tuple[str, str]] = set()
    for line in lines:
        record, organization_id, number, imprint = line
        words: Words = record
        head = words[_HEAD]
        key = (organization_id, number)
        named = numbers.setdefault(organization_id, {})
        may_be_taken = imprint in repeated and key not in to_look_at and number not in named
        if may_be_taken and heads.get(organization_id) == head:
            named[number] = record.line
            skipped += 1
            continue
        if may_be_taken and has_sound_head(record):
            heads[organization_id] = head
        else:
            heads.pop(organization_id, None)
        to_look_at.add(key)
        rest.append(line)
    return rest, skipped
