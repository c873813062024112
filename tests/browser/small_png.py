"""PNGs of few colours, a third as large as those that a browser makes."""

from __future__ import annotations

import base64
import zlib
from collections import Counter
from collections.abc import Iterable

from playwright.sync_api import Page

MOST_COLOURS = 256

# A browser knows how to read its own pictures.
_PIXELS = """async png => {
  const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  const bytes = context.getImageData(0, 0, picture.width, picture.height).data;
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768)
    text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return [picture.width, picture.height, btoa(text)];
}"""

Colour = tuple[int, int, int]


def small_png(page: Page, png: bytes) -> bytes:
    """The picture with its most used colours; the others become the nearest of these."""
    width, height, pixels = page.evaluate(_PIXELS, base64.b64encode(png).decode())
    raw = base64.b64decode(pixels)
    colours = list(zip(raw[0::4], raw[1::4], raw[2::4], strict=True))
    palette, number = _palette(colours)
    indexes = bytes(number[colour] for colour in colours)
    lines = b"".join(b"\0" + indexes[at : at + width] for at in range(0, len(indexes), width))
    head = width.to_bytes(4) + height.to_bytes(4) + b"\x08\x03\0\0\0"
    chunks = (
        (b"IHDR", head),
        (b"PLTE", bytes(part for colour in palette for part in colour)),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _palette(colours: Iterable[Colour]) -> tuple[list[Colour], dict[Colour, int]]:
    counts = Counter(colours)
    palette = [colour for colour, _count in counts.most_common(MOST_COLOURS)]
    number = {colour: at for at, colour in enumerate(palette)}
    for colour in counts.keys() - number.keys():
        number[colour] = min(range(len(palette)), key=lambda at: _distance(palette[at], colour))
    return palette, number


def _distance(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
