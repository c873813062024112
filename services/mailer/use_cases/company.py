"""The company's profile."""

from services.mailer.domain.company import Company, checked
from services.mailer.ports import Begin


def get_company(*, begin: Begin) -> Company:
    """The profile as it is now."""
    with begin() as work:
        return work.company.profile().company


def update_company(company: Company, *, begin: Begin) -> Company:
    """Replaces the profile and returns its normal form; `CompanyInvalid`."""
    company = checked(company)
    with begin() as work:
        work.company.replace(company)
    return company
