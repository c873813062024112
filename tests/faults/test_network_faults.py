"""A slow, silent or cut network between two programs, or between one and its database or broker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

import pytest

from tests.e2e.company import pause
from tests.faults.fleet import Fleet, running_fleet
from tests.faults.fleet_plan import LINES
from tests.faults.own_servers import OwnServer
from tests.faults.sizes import FULL, SIZE
from tests.faults.tcp_proxy import TcpProxy
from tests.faults.verdict import go_through
from tests.faults.visitor import Visitor

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

FAULTS: dict[str, Callable[[TcpProxy], None]] = {
    "delay": lambda line: line.delay(0.2),
    "throttle": lambda line: line.throttle(20_000),
    "cut": lambda line: line.cut_after(3_000),
    "black hole": TcpProxy.black_hole,
    "refuse": TcpProxy.refuse,
    "half close": TcpProxy.half_close,
}
SECONDS = 5.0 if SIZE is FULL else 0.7
COPIES = 2 * len(FAULTS) * 4
"""In each round: a cut between the mailer and the SMTP server may leave the mail of each of its connections
in doubt."""
ROUNDS = 6
"""So often at most do all faults come upon a line, where nothing happens to go over it."""

KINDS = {
    "between-programs": tuple(line for line, (_, setting) in LINES.items() if setting.endswith("_ADDRESS")),
    "to-databases": tuple(line for line in LINES if line.endswith("postgresql")),
    "to-broker-and-mail": tuple(line for line in LINES if line.endswith(("rabbitmq", "smtp"))),
}
assert sorted(line for kind in KINDS.values() for line in kind) == sorted(LINES)
CAMPAIGNS = KINDS if SIZE is FULL else {"every-line": tuple(LINES)}


def turns(lines: Sequence[str]) -> list[tuple[str, ...]]:
    """The lines one after the other, those of the site beside the others: its visitors only read.

    So a fault on the one hides nothing of what comes of the other, and those of the site cost no time. The
    way of the mails comes first, while there are many; what is put off there goes over the others later.
    """
    of_site = [line for line in lines if line.startswith("gateway")]
    others = [line for line in lines if line not in of_site]
    others.sort(key=lambda line: line != "mailer > smtp")
    return [tuple(filter(None, pair)) for pair in zip_longest(others, of_site)]


@pytest.fixture(scope="module")
def fleet_on_lines(tmp_path_factory: pytest.TempPathFactory, harmed_postgres: OwnServer) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("lines"), harmed_postgres, lines=LINES) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def visitor(fleet_on_lines: Fleet) -> Iterator[Visitor]:
    visitor = Visitor(fleet_on_lines)
    visitor.begin()
    yield visitor
    visitor.end()


@pytest.mark.parametrize("kind", CAMPAIGNS)
def test_a_bad_network_loses_nothing_and_doubles_nothing(
    fleet_on_lines: Fleet, visitor: Visitor, kind: str
) -> None:
    def harm() -> None:
        for turn in each_turn:
            lines = {name: fleet_on_lines.lines[name] for name in turn}
            carried = {name: line.carried for name, line in lines.items()}
            for _ in range(ROUNDS):
                rounds[turn] += 1
                for fault in FAULTS.values():
                    for line in lines.values():
                        fault(line)
                    pause(SECONDS)
                if all(line.carried > carried[name] for name, line in lines.items()):
                    break
            for line in lines.values():
                line.heal()
            unused.extend(name for name, line in lines.items() if line.carried == carried[name])

    each_turn, rounds, unused = turns(CAMPAIGNS[kind]), Counter[tuple[str, ...]](), list[str]()
    lasting = len(each_turn) * len(FAULTS) * SECONDS
    go_through(
        fleet_on_lines, f"network-{kind}", harm, lambda: COPIES * max(rounds.values()), lasting=lasting
    )
    assert visitor.complaints == []
    assert visitor.pages.get(200, 0) > 0
    assert unused == [], "nothing went over these lines while they were bad"
