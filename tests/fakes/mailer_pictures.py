"""Headers of pictures, as much as is looked at."""

import zlib


def png_header(width: int, height: int) -> bytes:
    """The signature and the IHDR chunk: 8 bits, RGB."""
    chunk = b"IHDR" + width.to_bytes(4) + height.to_bytes(4) + b"\x08\x02\x00\x00\x00"
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d" + chunk + zlib.crc32(chunk).to_bytes(4)


def jpeg_header(width: int, height: int) -> bytes:
    """A JFIF segment, a fill byte, a Huffman table, and the frame of a progressive grey picture."""
    jfif = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    table = b"\xff\xff\xc4\x00\x05\x00\x00\x00"
    frame = b"\xff\xc2\x00\x0b\x08" + height.to_bytes(2) + width.to_bytes(2) + b"\x01\x01\x11\x00"
    return b"\xff\xd8" + jfif + table + frame
