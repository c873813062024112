"""What a logo's first bytes say of it: its type and its size. The picture itself is never decoded."""

import zlib
from typing import NamedTuple

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_TYPES = {_PNG: "image/png", _JPEG: "image/jpeg"}
_IHDR = b"\x00\x00\x00\rIHDR"
# Start of frame: C0 to CF, but for the three that are tables, an extension, and arithmetic conditioning.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Start of scan and end of image: no frame can follow.
_TOO_LATE = frozenset({0xDA, 0xD9})


class Size(NamedTuple):
    """Pixels."""

    width: int
    height: int


def logo_type(logo: bytes) -> str | None:
    """The media type of a logo by its first bytes; None if it is neither PNG nor JPEG."""
    return next((kind for magic, kind in _TYPES.items() if logo.startswith(magic)), None)


def logo_size(logo: bytes) -> Size | None:
    """The size that a PNG's or a JPEG's header names; None if there is no such header, or a damaged one."""
    if logo.startswith(_PNG):
        return _png_size(logo)
    return _jpeg_size(logo) if logo.startswith(_JPEG) else None


def _png_size(logo: bytes) -> Size | None:
    header, checksum = logo[8:29], logo[29:33]
    is_whole = header.startswith(_IHDR) and len(checksum) == 4
    if not is_whole or zlib.crc32(header[4:]) != int.from_bytes(checksum):
        return None
    return Size(int.from_bytes(header[8:12]), int.from_bytes(header[12:16]))


def _jpeg_size(logo: bytes) -> Size | None:
    at = 2
    while at + 4 <= len(logo) and logo[at] == 0xFF:
        marker = logo[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in _TOO_LATE:
            return None
        length = int.from_bytes(logo[at + 2 : at + 4])
        segment = logo[at + 4 : at + 2 + length]
        if length < 2 or len(segment) != length - 2:
            return None
        if marker in _FRAMES:
            return Size(int.from_bytes(segment[3:5]), int.from_bytes(segment[1:3])) if length >= 8 else None
        at += 2 + length
    return None
