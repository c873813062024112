"""deploy/restore.sh is all or nothing, wherever it fails or is killed, and says which of the two it was.

It runs in a PostgreSQL server's own container; what stands in for `docker compose` there only passes the
programs of the server through, and breaks at the call that the test names.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.own_servers import OwnServer, own_postgres

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(600)]

SCRIPT = Path(__file__).parents[2] / "deploy" / "restore.sh"
NAMES = ("scheduler", "mailer", "paynow", "sandbox", "identity")

COMPOSE = r"""#!/bin/bash
number=$(($(cat /restore/calls) + 1))
echo "$number" > /restore/calls
work() {
  case "$1 $2 $3" in
    "config --services "*) printf '%s\n' postgres rabbitmq gateway ;;
    "exec -T postgres") "${@:4}" ;;
  esac
}
if [ "$number" != "$BREAK_AT" ]; then work "$@"; exit; fi
case $HOW in
  "not done") exit 7 ;;
  "not answered") work "$@" > /dev/null; exit 7 ;;
  killed) work "$@" > /dev/null; kill -9 $PPID ;;
esac
"""
PREPARE = r"""
createuser --username dunlin --superuser postgres
mkdir -p /restore/deploy /restore/backup/db && echo "the 1st" > /restore/backup/at && touch /restore/calls
for name in scheduler mailer paynow sandbox identity; do
  createdb --username postgres "$name"
  psql --quiet --username postgres --dbname "$name" -c "CREATE TABLE was AS SELECT 'backup' AS at_time;
    CREATE TABLE calendar AS SELECT true AS automatic; CREATE TABLE messages (due_at timestamptz)"
  pg_dump --username postgres --format custom "$name" > /restore/backup/db/$name.dump
done
"""
PASS = r"""
for name in scheduler mailer paynow sandbox identity; do
  psql --quiet --username postgres --dbname "$name" -c "UPDATE was SET at_time = 'present'"
done
"""
RESTORE = r"""
echo 0 > /restore/calls
export DUNLIN_COMPOSE=/restore/compose BREAK_AT=$1 HOW=$2
bash /restore/deploy/restore.sh /restore/backup 2>&1; echo "ended with $?, $(cat /restore/calls) calls"
"""
LOOK = r"""
psql -At --username postgres -c "SELECT datname FROM pg_database WHERE datname ~ '_(before|old)$'"
for name in scheduler mailer paynow sandbox identity; do
  psql -At --username postgres --dbname "$name" -c "SELECT at_time FROM was"
done
"""
LOADS = range(12, 22)
"""The calls that load the dumps, two for each: after three of programs, five of lists of what the dumps hold,
and three that put things right and aside."""
WHOLE, UNTOUCHED = ["backup"] * len(NAMES), ["present"] * len(NAMES)


class Place:
    """Where the script is tried."""

    def __init__(self, server: OwnServer) -> None:
        self._server = server
        self._do(PREPARE)
        for path, text in (("/restore/compose", COMPOSE), ("/restore/deploy/restore.sh", SCRIPT.read_text())):
            self._do('printf %s "$1" > "$2"; chmod +x "$2"', text, path)

    def work_on(self) -> None:
        """Time passes after the backup."""
        self._do(PASS)

    def restore(self, break_at: int = 0, how: str = "") -> str:
        """What it says, with the code it ends with."""
        return self._do(RESTORE, str(break_at), how)

    def looks(self) -> list[str]:
        """Databases that are left over, and from when the five are."""
        return self._do(LOOK).split()

    def _do(self, words: str, *arguments: str) -> str:
        return self._server.run("bash", "-c", words, "-", *arguments)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with own_postgres() as server:
        yield Place(server)


def test_a_restore_replaces_every_database(place: Place) -> None:
    place.work_on()
    said = place.restore()
    assert "The company is as it was at the 1st." in said
    assert "ended with 0" in said
    assert place.looks() == WHOLE


@pytest.mark.parametrize("how", ["not done", "not answered"])
def test_a_call_that_fails_changes_nothing_or_leaves_the_whole_backup_and_says_which(
    place: Place, how: str
) -> None:
    seen: set[tuple[str, ...]] = set()
    for call in calls_of(place):
        place.work_on()
        said = place.restore(call, how)
        found = place.looks()
        seen.add(tuple(found))
        context = f"call {call}, {how}: {found}\n{said}"
        if "ended with 0" in said:
            assert found == WHOLE, context
            assert "The company is as it was at the 1st." in said, context
        elif "The backup is in place" in said:
            assert [name for name in found if not name.endswith("_old")] == WHOLE, context
        else:
            assert found == UNTOUCHED, context
    assert {tuple(WHOLE), tuple(UNTOUCHED)} <= seen


def test_what_a_killed_restore_left_is_put_right_by_the_next_one_also_if_that_fails(place: Place) -> None:
    for call in calls_of(place):
        place.work_on()
        place.restore(call, "killed")
        said = place.restore(LOADS.start, "not done")
        assert "brought back as they were" in said, said
        assert place.looks() in (WHOLE, UNTOUCHED), f"call {call}"
    assert "ended with 0" in place.restore()
    assert place.looks() == WHOLE


def calls_of(place: Place) -> list[int]:
    """The calls of compose that a restore makes from the last on that only looks; one dump stands for all."""
    last = int(place.restore().split()[-2])
    return [call for call in range(LOADS.start - 4, last + 1) if call not in LOADS[2:]]
