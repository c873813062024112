"""A mail that came to the bounce address, as far as it could be understood; and about whom it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.mailer.domain.bounces import Bounce, Complaint, status_in
from services.shared.addresses import compared


@dataclass(frozen=True)
class Failure:
    """One recipient of a report of failure; more than one address if servers on the way changed it."""

    emails: tuple[str, ...]
    status: str
    words: str


@dataclass(frozen=True)
class Report:
    """What a mail says. One that is no report says nothing: answers of people and of their machines.

    `names` are the addresses and ids in it that may name the message which it is about.
    """

    names: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    loose: str = ""
    """Words of a server that tells of a failure without the form for it (RFC 3464)."""
    complaint: Complaint | None = None

    @property
    def says_nothing(self) -> bool:
        return not self.failures and not self.loose and self.complaint is None


def bounces_about(report: Report, recipients: Sequence[str]) -> list[Bounce]:
    """Who of a message's recipients it did not get to; nobody else, whatever the report says."""
    ours = {compared(email): email for email in recipients}
    found: dict[str, Bounce] = {}
    for failure in report.failures:
        for email in failure.emails:
            key = compared(email)
            if key in ours:
                found.setdefault(key, Bounce(key, failure.status, failure.words))
                break
    if not report.failures and report.loose:
        found = {one.email: one for one in _mentioned(report.loose, list(ours))}
    return list(found.values())


def complaint_about(report: Report, recipients: Sequence[str]) -> Complaint | None:
    """Who has complained: whom the report names, or the only recipient if it names none."""
    if report.complaint is None:
        return None
    ours = {compared(email) for email in recipients}
    named = compared(report.complaint.email)
    if not named and len(ours) == 1:
        [named] = ours
    return Complaint(named, report.complaint.words) if named in ours else None


def _mentioned(words: str, emails: Sequence[str]) -> list[Bounce]:
    """Each with the words from where it is mentioned on; the only one also if it is not."""
    lower = words.lower()
    found = []
    for email in emails:
        at = lower.find(email)
        if at < 0 and len(emails) > 1:
            continue
        about = " ".join(words[max(at, 0) : max(at, 0) + 500].split())
        found.append(Bounce(email, status_in(about), about))
    return found
