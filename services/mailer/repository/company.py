"""The company's profile: a single row."""

from sqlalchemy import Connection, select, update

from services.mailer.domain.company import Company, Profile
from services.mailer.tables import company

FIELDS = (
    "name",
    "address",
    "phone",
    "reply_to",
    "from_address",
    "accent_color",
    "logo",
    "language",
    "pay_links",
)


class SqlCompanies:
    """See `ports.Companies`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def profile(self) -> Profile:
        """As it is now."""
        row = self._connection.execute(select(company)).one()
        return Profile(Company(**{field: getattr(row, field) for field in FIELDS}), row.revision)

    def replace(self, profile: Company) -> None:
        """Stores a new one under the next revision."""
        values = {field: getattr(profile, field) for field in FIELDS}
        self._connection.execute(update(company).values(revision=company.c.revision + 1, **values))
