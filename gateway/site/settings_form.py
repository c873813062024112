"""Forms of settings, which take nothing back that somebody else saved while they stood open."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from datetime import time
from typing import NamedTuple

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, FileField, HiddenField, SelectFieldBase

from gateway.site.words import sentence

Values = Mapping[str, object]


class Overwritten(NamedTuple):
    """A setting that was saved meanwhile, and that saving the form would set otherwise."""

    name: str
    saved: str
    """What it is now, in words."""
    typed: str
    """What the form says."""


class SettingsForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """A form that takes the place of saved settings as a whole; made with them as they are at that moment.

    It carries a mark of each value that it was filled from. Where another value has been saved since, and the
    form would set it otherwise, it is not saved but shown again with both; sending that once more is a
    decision. A form without marks, from a page of an older version or a script, is taken for one where all
    has been saved since. A file is not looked at: it replaces what is there only if one was chosen.

    Services take settings whole and know no versions of them, so of two forms that are sent within the same
    moment, between reading and writing, the later one still counts alone.
    """

    filled_from = HiddenField(render_kw={"autocomplete": "off"})

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.overwritten: list[Overwritten] = []
        if not self.is_submitted():
            self._mark()

    def moot(self, _values: Values) -> Collection[str]:
        """Names of fields that say nothing beside these values, such as the day of a schedule without one."""
        return ()

    def may_save(self) -> bool:
        """Whether it was sent, says nothing wrong, and takes nothing back unknowingly."""
        if not self.validate_on_submit():
            return False
        self.overwritten = list(self._overwritten())
        if self.overwritten:
            self._mark()
        return not self.overwritten

    def status(self, problems: Collection[str] = ()) -> int:
        """The HTTP status of the page that shows it; `problems` are what is wrong beyond its fields."""
        if self.overwritten:
            return 409
        return 400 if self.errors or problems else 200

    def _overwritten(self) -> Iterator[Overwritten]:
        marks = dict(mark.split(":", 1) for mark in (self.filled_from.data or "").split() if ":" in mark)
        saved, typed = self._saved(), self._typed()
        for one in self._settings():
            now, new = saved.get(one.name), typed.get(one.name)
            if marks.get(one.name) != _digest(now) and _plain(now) != _plain(new):
                yield Overwritten(sentence(one.label.text), _words(one, now), _words(one, new))

    def _mark(self) -> None:
        saved = self._saved()
        self.filled_from.data = " ".join(
            f"{one.name}:{_digest(saved.get(one.name))}" for one in self._settings()
        )

    def _settings(self) -> Iterator[Field]:
        return (one for one in self if not isinstance(one, HiddenField | FileField))

    def _saved(self) -> Values:
        # What a form is made with stays known as `object_data` when something else was typed.
        return self._that_count({one.name: one.object_data for one in self._settings()})

    def _typed(self) -> Values:
        return self._that_count({one.name: one.data for one in self._settings()})

    def _that_count(self, values: Values) -> Values:
        moot = self.moot(values)
        return {name: value for name, value in values.items() if name not in moot}


def _plain(value: object) -> str:
    """A value as a text that is equal where saving comes to the same."""
    if value is None or value is False:
        return ""
    if isinstance(value, list):
        return "\n".join(sorted(map(str, value)))
    return str(value).replace("\r\n", "\n").strip()


def _digest(value: object) -> str:
    return hashlib.sha256(_plain(value).encode()).hexdigest()[:16]


def _words(field: Field, value: object) -> str:
    """A value as the form shows it."""
    if isinstance(field, BooleanField):
        return "on" if value else "off"
    if isinstance(value, time):
        return value.strftime("%H:%M")
    if isinstance(field, SelectFieldBase) and value is not None:
        labels = {one.value: str(one.label) for one in field.iter_choices()}
        chosen = value if isinstance(value, list) else [value]
        return ", ".join(labels.get(one, str(one)) for one in chosen) or "none"
    return _plain(value) or "nothing"
