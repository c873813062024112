"""Lines that say word for word what the last line of their invoice said.

Most lines of most lists do. They are known by their imprint, so that nothing of them has to be checked again.
"""

from collections.abc import Collection, Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

from services.paynow.domain.lines import SyncRecord

Numbers = dict[str, dict[str, int]]
"""By organization id and invoice number the line of a stream that named it first."""

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
    words = "\x1f".join((record.organization_id, *record[10:]))
    imprint = blake2b(words.encode(), digest_size=12).hexdigest()
    return ToldLine(record, record.organization_id.strip(), record.invoice_number.strip(), imprint)


def sample(lines: Sequence[ToldLine]) -> Sequence[ToldLine]:
    """A few lines from all over the batch. Where none of them repeats anything, hardly any other does."""
    return lines[:: max(1, len(lines) // SAMPLE)]


def sift(
    lines: Iterable[ToldLine], repeated: Collection[str], numbers: Numbers
) -> tuple[list[ToldLine], int]:
    """The lines that have to be looked at, and how many need not be; those go to `numbers`.

    A line whose imprint is `repeated` says nothing new of its invoice. It is looked at nevertheless if it
    says something else of the organization and the contact than the line before it of that organization, or
    if the stream may have named its invoice before.
    """
    if not repeated:
        return list(lines), 0
    rest, skipped = [], 0
    heads: dict[str, tuple[object, ...]] = {}
    to_look_at: set[tuple[str, str]] = set()
    for line in lines:
        record, organization_id, number, imprint = line
        head = record[1:10]
        key = (organization_id, number)
        if imprint in repeated and heads.get(organization_id) == head and key not in to_look_at:
            named = numbers.setdefault(organization_id, {})
            if number not in named:
                named[number] = record.line
                skipped += 1
                continue
        heads[organization_id] = head
        to_look_at.add(key)
        rest.append(line)
    return rest, skipped
