"""/healthz may be asked by everybody: one check at a time, whose answer holds for a moment."""

import threading

from gateway.site.health import DOWN_SECONDS, WELL_SECONDS, HealthWatch
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_visitor import Visitor


class Programs:
    """Programs that count how often they are asked, and a clock that stands until it is moved."""

    def __init__(self) -> None:
        self.asked = 0
        self.answers = True
        self.time = 100.0

    def check(self) -> bool:
        self.asked += 1
        return self.answers

    def watch(self) -> HealthWatch:
        return HealthWatch({"mailer": self.check}, lambda: self.time)


def test_an_answer_holds_for_two_seconds() -> None:
    programs = Programs()
    watch = programs.watch()
    assert [watch.down() for _ in range(50)] == [()] * 50
    assert programs.asked == 1
    programs.answers = False
    programs.time += WELL_SECONDS
    assert watch.down() == ("mailer",)
    assert WELL_SECONDS == 2


def test_a_bad_answer_holds_for_less() -> None:
    programs = Programs()
    programs.answers = False
    watch = programs.watch()
    assert watch.down() == watch.down() == ("mailer",)
    assert programs.asked == 1
    programs.answers = True
    programs.time += DOWN_SECONDS
    assert watch.down() == ()


def test_whoever_comes_during_a_check_gets_the_answer_before_it() -> None:
    begun, may_end = threading.Event(), threading.Event()
    slow, asked, now = False, 0, 0.0

    def check() -> bool:
        nonlocal asked
        asked += 1
        if slow:
            begun.set()
            assert may_end.wait(30)
        return not slow

    watch = HealthWatch({"smtp": check}, lambda: now)
    assert watch.down() == ()
    slow, now = True, 10.0
    thread = threading.Thread(target=watch.down)
    thread.start()
    assert begun.wait(30)
    assert watch.down() == ()
    assert asked == 2
    may_end.set()
    thread.join(30)
    assert watch.down() == ("smtp",)


def test_nobody_is_told_that_all_is_well_before_the_first_check_has_ended() -> None:
    begun, may_end = threading.Event(), threading.Event()
    told: list[tuple[str, ...]] = []

    def check() -> bool:
        begun.set()
        assert may_end.wait(30)
        return False

    watch = HealthWatch({"smtp": check})
    threads = [threading.Thread(target=lambda: told.append(watch.down())) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert begun.wait(30)
    assert told == []
    may_end.set()
    for thread in threads:
        thread.join(30)
    assert told == [("smtp",)] * 3


def test_many_requests_ask_each_program_once(stranger: Visitor, services: FakeServices) -> None:
    assert [stranger.get("/healthz").status for _ in range(20)] == [200] * 20
    assert [len(stub.calls) for stub in services.health.values()] == [1, 1, 1]
