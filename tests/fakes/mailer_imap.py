"""A small IMAP server on the loopback: one account, one mailbox, and what `ImapMailbox` asks for."""

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.fakes.mailer_smtp import free_port

USER, PASSWORD = "reports@mail.test", 'it\'s "quoted" \\ here'


@dataclass
class Mailbox:
    """What is in it; `seen` holds the ids of mails that are marked. Ids begin at 11."""

    mails: dict[int, bytes] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    commands: list[str] = field(default_factory=list)
    break_at: str = ""
    """The connection is cut when this command comes, once."""
    refuse: str = ""
    """This command is answered with NO."""
    damaged: set[int] = field(default_factory=set)
    """Mails that cannot be fetched: the server answers NO."""
    deadly: set[int] = field(default_factory=set)
    """Mails at which the server hangs up."""

    def add(self, mail: bytes) -> int:
        uid = 11 + len(self.mails)
        self.mails[uid] = mail
        return uid


class _Session(socketserver.StreamRequestHandler):
    mailbox: Mailbox
    disable_nagle_algorithm = True  # or each small answer waits for the client's delayed ACK

    def handle(self) -> None:
        self._say("* OK ready")
        while line := self.rfile.readline():
            tag, _, command = line.decode().strip().partition(" ")
            command = self._literals(command)
            self.mailbox.commands.append(command)
            name = command.removeprefix("UID ").partition(" ")[0]
            if name == self.mailbox.break_at:
                self.mailbox.break_at = ""
                return
            if name == self.mailbox.refuse:
                self._say(f"{tag} NO not now")
                continue
            answer = getattr(self, f"_{name.lower()}")(command)
            if not answer:
                return
            self._say(f"{tag} {answer} done")
            if name == "LOGOUT":
                return

    def _literals(self, command: str) -> str:
        while found := re.search(r"\{(\d+)\}$", command):
            self._say("+ go on")
            literal = self.rfile.read(int(found[1])).decode()
            command = command[: found.start()] + literal + self.rfile.readline().decode().rstrip("\r\n")
        return command

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def _capability(self, _command: str) -> str:
        self._say("* CAPABILITY IMAP4rev1")
        return "OK"

    def _login(self, command: str) -> str:
        password = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
        right = command in (f'LOGIN {USER} "{password}"', f'LOGIN "{USER}" "{password}"')
        return "OK" if right else "NO wrong"

    def _select(self, command: str) -> str:
        if command != 'SELECT "Bounces"':
            return "NO there is no such mailbox"
        self._say(f"* {len(self.mailbox.mails)} EXISTS")
        return "OK [READ-WRITE]"

    def _search(self, _command: str) -> str:
        unseen = sorted(self.mailbox.mails.keys() - self.mailbox.seen)
        self._say(" ".join(["* SEARCH", *map(str, unseen)]))
        return "OK"

    def _fetch(self, command: str) -> str:
        found = re.fullmatch(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", command)
        assert found, command
        uid = int(found[1])
        if uid in self.mailbox.deadly:
            return ""
        if uid in self.mailbox.damaged:
            return "NO damaged"
        mail = self.mailbox.mails[uid][: int(found[2])]
        self.wfile.write(f"* 1 FETCH (UID {uid} BODY[]<0> {{{len(mail)}}}\r\n".encode() + mail + b")\r\n")
        return "OK"

    def _store(self, command: str) -> str:
        found = re.fullmatch(r"UID STORE (\d+) \+FLAGS\.SILENT \(\\Seen\)", command)
        assert found, command
        self.mailbox.seen.add(int(found[1]))
        return "OK"

    def _logout(self, _command: str) -> str:
        self._say("* BYE")
        return "OK"


@contextmanager
def served(mailbox: Mailbox) -> Iterator[int]:
    """Runs for the time of the block; gives its port."""
    session = type("Session", (_Session,), {"mailbox": mailbox})
    with socketserver.ThreadingTCPServer(("127.0.0.1", free_port()), session) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(10)
