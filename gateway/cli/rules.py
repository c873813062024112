"""`dunlin rules`: the due notice rules."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from dunlin.scheduler.v1 import scheduler_pb2

from gateway.cli.company import open_company
from gateway.cli.output import days_in_words, json_option, print_json, print_table, say, utc

_DIGITS = re.compile("[0-9]+")


class _Days(click.IntRange):
    """A number of days in plain digits: `int` would take those of every script, and 1_5 for 15."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Raises `click.BadParameter`."""
        if isinstance(value, str) and _DIGITS.fullmatch(value) is None:
            self.fail(f"{value!r} is not a number such as 15.", param, ctx)
        return super().convert(value, param, ctx)


# The scheduler says how far a rule may reach; this only keeps what no message could carry from leaving.
_DAYS = _Days(min=1, max=99_999)


@click.group()
def rules() -> None:
    """List and change the due notice rules. A rule is named by its days before or after the due date."""


def _names_a_rule(command: Callable[..., None]) -> Callable[..., None]:
    """Gives the command `threshold_days` from --before N or --after N, exactly one of them."""

    @click.option("--before", type=_DAYS, metavar="N", help="N days before the due date.")
    @click.option("--after", type=_DAYS, metavar="N", help="N days past due.")
    @wraps(command)
    def with_threshold(before: int | None, after: int | None, **others: Any) -> None:
        if (before is None) == (after is None):
            raise click.UsageError("Give either --before N or --after N.")
        command(threshold_days=after if after is not None else -(before or 0), **others)

    return with_threshold


@rules.command("list")
@json_option
def list_rules(*, as_json: bool) -> None:
    """List the rules, the earliest first."""
    found = open_company().scheduler.ListRules(scheduler_pb2.ListRulesRequest()).rules
    if as_json:
        for rule in found:
            print_json(_as_json(rule))
        return
    rows = [
        (
            days_in_words(rule.threshold_days),
            "on" if rule.enabled else "off",
            utc(rule.last_sent_at) if rule.HasField("last_sent_at") else "never",
        )
        for rule in found
    ]
    print_table(("Rule", "State", "Last sent"), rows)


@rules.command()
@_names_a_rule
@click.option("--disabled", is_flag=True, help="Add it switched off.")
@json_option
def add(threshold_days: int, *, disabled: bool, as_json: bool) -> None:
    """Add a rule, switched on unless told otherwise. Nothing is sent before the next tick."""
    request = scheduler_pb2.AddRuleRequest(threshold_days=threshold_days, enabled=not disabled)
    _tell(open_company().scheduler.AddRule(request), "was added, and is", as_json=as_json)


@rules.command()
@_names_a_rule
@json_option
def enable(threshold_days: int, *, as_json: bool) -> None:
    """Switch a rule on. Nothing is sent before the next tick."""
    _set(threshold_days, enabled=True, as_json=as_json)


@rules.command()
@_names_a_rule
@json_option
def disable(threshold_days: int, *, as_json: bool) -> None:
    """Switch a rule off; it holds also for notices that are queued."""
    _set(threshold_days, enabled=False, as_json=as_json)


@rules.command()
@_names_a_rule
@json_option
def remove(threshold_days: int, *, as_json: bool) -> None:
    """Remove a rule. What was sent by it stays in the history."""
    request = scheduler_pb2.RemoveRuleRequest(threshold_days=threshold_days)
    rule = open_company().scheduler.RemoveRule(request)
    _tell(rule, "was removed; it was", as_json=as_json)


def _set(threshold_days: int, *, enabled: bool, as_json: bool) -> None:
    request = scheduler_pb2.SetRuleEnabledRequest(threshold_days=threshold_days, enabled=enabled)
    _tell(open_company().scheduler.SetRuleEnabled(request), "is", as_json=as_json)


def _tell(rule: scheduler_pb2.Rule, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(rule))
    else:
        say(f"The rule {days_in_words(rule.threshold_days)} {what} {'on' if rule.enabled else 'off'}.")


def _as_json(rule: scheduler_pb2.Rule) -> dict[str, Any]:
    return {
        "threshold_days": rule.threshold_days,
        "enabled": rule.enabled,
        "last_sent_at": utc(rule.last_sent_at) if rule.HasField("last_sent_at") else None,
    }
