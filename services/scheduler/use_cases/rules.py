"""The due notice rules."""

from datetime import datetime
from typing import NamedTuple

from services.scheduler.domain.notice import NoticeType
from services.scheduler.domain.thresholds import Rule, check_threshold, in_words
from services.scheduler.ports import Store, Work
from services.shared.errors import Conflict, Missing


class RuleExists(Conflict):
    """There is a rule with this threshold."""

    reason = "RULE_EXISTS"


class RuleMissing(Missing):
    """There is no rule with this threshold."""

    reason = "RULE_MISSING"


class RuleInUse(NamedTuple):
    """A rule, and when a notice of its threshold last went out."""

    rule: Rule
    last_sent_at: datetime | None


def list_rules(*, store: Store) -> list[RuleInUse]:
    """All rules, the earliest threshold first."""
    with store.read() as work:
        sent = work.email_types.last_sent()
        return [
            RuleInUse(rule, sent.get((NoticeType.DUE_NOTICE, rule.threshold))) for rule in work.rules.all()
        ]


def add_rule(rule: Rule, *, store: Store) -> RuleInUse:
    """Adds a rule. `Invalid` (THRESHOLD_OUT_OF_RANGE), `RuleExists`."""
    check_threshold(rule.threshold)
    with store.write() as work:
        if not work.rules.add(rule):
            raise RuleExists(f"There is already a rule “{in_words(rule.threshold)}”.")
        return _in_use(work, rule)


def set_rule_enabled(threshold: int, *, enabled: bool, store: Store) -> RuleInUse:
    """Turns a rule on or off; sends nothing by itself. `RuleMissing`."""
    with store.write() as work:
        if not work.rules.set_enabled(threshold, enabled=enabled):
            raise _missing(threshold)
        return _in_use(work, Rule(threshold, enabled))


def remove_rule(threshold: int, *, store: Store) -> RuleInUse:
    """Removes a rule and returns it as it was; its notices stay. `RuleMissing`."""
    with store.write() as work:
        removed = work.rules.remove(threshold)
        if removed is None:
            raise _missing(threshold)
        return _in_use(work, removed)


def _in_use(work: Work, rule: Rule) -> RuleInUse:
    sent = work.email_types.last_sent()
    return RuleInUse(rule, sent.get((NoticeType.DUE_NOTICE, rule.threshold)))


def _missing(threshold: int) -> RuleMissing:
    return RuleMissing(f"There is no rule “{in_words(threshold)}”; list the rules to see which there are.")
