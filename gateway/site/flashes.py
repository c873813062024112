"""What the next page says about what was just done, with a way back where there is one."""

from collections.abc import Mapping

from flask import flash


def say(
    text: str, tone: str = "good", *, undo: str = "", url: str = "", fields: Mapping[str, str] | None = None
) -> None:
    """Shows `text` once, on the next page. Tones: good, bad, note.

    With `url`, a button named `undo` posts `fields` there.
    """
    flash(text if not url else {"text": text, "undo": undo, "url": url, "fields": dict(fields or {})}, tone)  # type: ignore[arg-type]  # any JSON value survives in the session
