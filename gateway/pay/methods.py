"""Ways to pay in the page's language; the books and the provider name them in English."""

import re

from flask import Blueprint

from gateway.site.languages import N_, gettext, said

_LABEL = re.compile(r"(?P<what>.+) ending (?P<digits>\w+)")

# What has no name of its own, and what the sandbox says of its test methods.
KNOWN = (
    N_("Card"),
    N_("Bank account"),
    N_("Sandbox card"),
    N_("Sandbox bank account"),
    N_("is approved"),
    N_("is declined"),
    N_("is declined for lack of funds"),
    N_("gives no answer; turns out approved"),
    N_("gives no answer; turns out declined"),
    N_("meets an error of the provider"),
    N_("is pending, then settles"),
    N_("is pending, then returned by the bank"),
)


def method_name(label: str) -> str:
    """What a method is, of its English label ("Visa ending 4242"); a label of another form stays as it is."""
    found = _LABEL.fullmatch(label)
    if found is None:
        return said(label)
    return gettext("%(what)s ending %(digits)s", what=said(found["what"]), digits=found["digits"])


def init(blueprint: Blueprint) -> None:
    """Makes `method_name` known to the templates."""
    blueprint.add_app_template_filter(method_name)
