"""Messages: the queue with its leases, and the history that is only ever added to."""

from services.mailer.repository.history import SqlHistory
from services.mailer.repository.queue import SqlQueue


class SqlMessages(SqlQueue, SqlHistory):
    """See `ports.Messages`."""
