"""Work behind an answer never shows in it, and never fills the memory."""

import threading

from gateway.site.errands import Errands
from tests.fakes.mailer_smtp import until


def test_an_errand_runs_without_anybody_waiting_for_it() -> None:
    go_on, done = threading.Event(), list[str]()
    errands = Errands()
    errands.run("slow", lambda: (go_on.wait(10), done.append("slow")))
    assert done == []
    go_on.set()
    until(lambda: done == ["slow"])


def test_what_an_errand_raises_reaches_nobody_and_the_next_one_runs() -> None:
    done, errands = list[int](), Errands()

    def fail() -> None:
        raise RuntimeError("no")

    errands.run("wrong", fail)
    errands.run("right", lambda: done.append(1))
    until(lambda: done == [1])


def test_more_than_have_room_are_dropped_and_room_comes_back() -> None:
    go_on, done = threading.Event(), list[int]()
    errands = Errands(most=3)
    for number in range(5):
        errands.run("waits", lambda number=number: (go_on.wait(10), done.append(number)))
    go_on.set()
    until(lambda: len(done) == 3)
    until(lambda: (errands.run("later", lambda: done.append(9)), 9 in done)[1])
    assert set(done) == {0, 1, 2, 9}
