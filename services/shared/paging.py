"""Opaque page tokens, each bound to the query that it continues."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence

from services.shared.errors import Invalid, invalid_field

Key = str | int

MOST_COUNTED = 10_000
"""Lists say how many match up to this number; one more stands for "more than that"."""


def _fingerprint(query: str, key: Sequence[Key]) -> str:
    return hashlib.sha256(f"{query}\0{json.dumps(key)}".encode("utf-8", "replace")).hexdigest()[:12]


def encode_token(query: str, *key: Key) -> str:
    """A token for the page after `key` of `query`, any text that tells this listing from others."""
    return base64.urlsafe_b64encode(json.dumps([_fingerprint(query, key), *key]).encode()).decode()


def decode_token(query: str, token: str) -> tuple[Key, ...]:
    """The key in the token; empty for an empty token.

    `Invalid` (PAGE_TOKEN_INVALID) for another query's, and for one that is not as it was given out.
    """
    if not token:
        return ()
    try:
        content = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error, RecursionError):
        raise _wrong_token() from None
    if not isinstance(content, list) or not all(isinstance(part, str | int) for part in content):
        raise _wrong_token()
    fingerprint, *key = content or [""]
    if fingerprint != _fingerprint(query, key):
        raise _wrong_token()
    return tuple(key)


def total(shown: int, *, is_all: bool, count: Callable[[int], int]) -> int:
    """How many match in all, at most one more than `MOST_COUNTED`.

    `shown` are on the page. Where the page `is_all` there is, nothing is counted; else `count` counts up to
    the number that it is given, since counting millions would take longer than the page itself.
    """
    return shown if is_all else count(MOST_COUNTED + 1)


def _wrong_token() -> Invalid:
    return invalid_field(
        "page_token",
        "PAGE_TOKEN_INVALID",
        "This page belongs to another list; start again from its first page.",
    )


def page_size(asked: int, default: int, most: int) -> int:
    """The size to use: the default for 0, at most `most`. `Invalid` (PAGE_SIZE_INVALID) below 0."""
    if asked < 0:
        raise invalid_field("page_size", "PAGE_SIZE_INVALID", "A page has at least one element.")
    return min(asked or default, most)
