"""What our mails stand beside: `python bench/mails_bare.py PORT CONNECTIONS MAILS FILE`.

A bare smtplib loop on each connection, in a thread of its own, sends the prebuilt mail in the file.
"""

from __future__ import annotations

import smtplib
import sys
import threading
from pathlib import Path


def loop(port: int, mails: int, content: bytes) -> None:
    """One connection."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as client:
        for _ in range(mails):
            client.sendmail("billing@example.test", ["dana@example.test"], content)


def main(port: int, connections: int, mails: int, content: bytes) -> None:
    """All connections at once."""
    share = mails // connections
    threads = [threading.Thread(target=loop, args=(port, share, content)) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]).read_bytes())
