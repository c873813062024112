"""What an SMTP answer means, case by case."""

from datetime import UTC, datetime, timedelta

import pytest

from services.mailer.domain.circuit import Circuit, Leave
from services.mailer.domain.delivery import (
    Answer,
    Later,
    Never,
    Past,
    RefusedRecipient,
    Sent,
    Stage,
    backoff,
    judge,
)

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
FRESH = Past()


def _refused(*codes: int) -> tuple[RefusedRecipient, ...]:
    return tuple(RefusedRecipient(f"a{at}@x.test", code, "no") for at, code in enumerate(codes))


@pytest.mark.parametrize("code", [250, 251, 252])
def test_2xx_after_the_content_is_sent(code: int) -> None:
    assert judge(Answer(Stage.CONTENT, code, "ok"), FRESH, NOW) == Sent(f"{code} ok")


def test_sent_to_some_names_those_that_were_refused() -> None:
    outcome = judge(Answer(Stage.CONTENT, 250, "ok", _refused(550)), FRESH, NOW)
    words = "250 ok Not taken for a0@x.test: 550 no. Nothing more is sent to them."
    assert outcome == Sent(words, _refused(550))


@pytest.mark.parametrize("stage", [Stage.SENDER, Stage.CONTENT])
@pytest.mark.parametrize("code", [450, 451, 452, 471])
def test_4xx_is_tried_again_after_a_minute(stage: Stage, code: int) -> None:
    outcome = judge(Answer(stage, code, "later"), FRESH, NOW)
    assert outcome == Later(NOW + timedelta(minutes=1), f"{code} later", Past(1, 0, NOW))


@pytest.mark.parametrize("stage", [Stage.SENDER, Stage.CONTENT])
@pytest.mark.parametrize("code", [500, 501, 550, 552, 553, 554, 571])
def test_5xx_is_never_tried_again(stage: Stage, code: int) -> None:
    assert judge(Answer(stage, code, "no"), FRESH, NOW) == Never(f"{code} no")


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("code", [421, 454, 530, 534, 535, 538])
def test_answers_about_the_connection_or_our_login_say_nothing_about_the_mail(
    stage: Stage, code: int
) -> None:
    outcome = judge(Answer(stage, code, "no"), FRESH, NOW)
    assert isinstance(outcome, Later)
    assert outcome.unreachable
    assert outcome.past == FRESH


@pytest.mark.parametrize("code", [None, 421, 450, 500, 554])
def test_whatever_fails_before_a_mail_is_named_burns_no_attempt(code: int | None) -> None:
    outcome = judge(Answer(Stage.CONNECT, code, "x"), Past(3, 2, NOW - timedelta(days=9)), NOW)
    assert isinstance(outcome, Later)
    assert (outcome.unreachable, outcome.past.attempts, outcome.past.drops) == (True, 3, 2)


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        ((550,), Never),
        ((550, 553), Never),
        ((450,), Later),
        ((550, 450), Later),
        ((552,), Later),
        ((552, 550), Later),
    ],
)
def test_all_recipients_refused_fails_only_if_every_refusal_is_final(
    codes: tuple[int, ...], kind: type
) -> None:
    answer = Answer(Stage.RECIPIENTS, codes[-1], "no", _refused(*codes))
    outcome = judge(answer, FRESH, NOW)
    assert isinstance(outcome, kind)
    assert all(f"a{at}@x.test: {code} no" in outcome.detail for at, code in enumerate(codes))


@pytest.mark.parametrize(
    ("drops", "seconds"), [(0, 2), (1, 5), (2, 15), (3, 60), (4, 60), (5, 120), (6, 240)]
)
def test_a_lost_connection_is_tried_again_soon_and_then_more_slowly(drops: int, seconds: int) -> None:
    outcome = judge(Answer(Stage.RECIPIENTS, None, "lost"), Past(2, drops, NOW), NOW)
    assert outcome == Later(NOW + timedelta(seconds=seconds), "lost", Past(2, drops + 1, NOW))


def test_a_connection_lost_after_the_content_is_tried_again_and_says_what_is_not_known() -> None:
    outcome = judge(Answer(Stage.CONTENT, None, "lost."), FRESH, NOW)
    assert isinstance(outcome, Later)
    assert outcome.detail.startswith("lost. It is not known whether")


def test_what_this_server_can_never_do_fails_at_once() -> None:
    assert judge(Answer(Stage.SENDER, None, "no SMTPUTF8", never=True), FRESH, NOW) == Never("no SMTPUTF8")


def test_the_pauses_double_up_to_four_hours() -> None:
    minutes = [backoff(attempt) / timedelta(minutes=1) for attempt in range(1, 12)]
    assert minutes == [1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240]
    assert backoff(10**9) == timedelta(hours=4)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(Stage.SENDER, 451, "later"), "Given up after 19 attempts. 451 later"),
        (Answer(Stage.CONTENT, None, "lost"), "Given up after 23 attempts. lost It is not known"),
    ],
)
def test_a_mail_is_given_up_after_so_many_attempts_in_44_hours_and_says_the_last_words(
    answer: Answer, told: str
) -> None:
    past, now, attempts = FRESH, NOW, 1
    while isinstance(outcome := judge(answer, past, now), Later):
        past, now, attempts = outcome.past, outcome.at, attempts + 1
    assert isinstance(outcome, Never)
    assert outcome.detail.startswith(told)
    assert f"after {attempts} attempts" in outcome.detail
    assert timedelta(hours=44) < now - NOW < timedelta(hours=45)


def test_a_closed_circuit_lets_everybody_go() -> None:
    assert [Circuit().ask(NOW) for _ in range(3)] == [Leave.GO] * 3


def test_an_open_circuit_sends_one_probe_at_a_time() -> None:
    circuit = Circuit()
    assert circuit.broke(NOW, refused=False)
    assert circuit.ask(NOW) is Leave.WAIT
    later = NOW + timedelta(seconds=2)
    assert [circuit.ask(later) for _ in range(3)] == [Leave.PROBE, Leave.WAIT, Leave.WAIT]
    assert not circuit.broke(later, refused=False), "that is no news"
    circuit.mended()
    assert circuit.ask(later) is Leave.GO


def test_a_probe_that_never_comes_back_is_followed_by_another() -> None:
    circuit = Circuit()
    circuit.broke(NOW, refused=False)
    assert circuit.ask(NOW + timedelta(seconds=2)) is Leave.PROBE
    assert circuit.ask(NOW + timedelta(seconds=33)) is Leave.PROBE


def test_a_server_that_greets_and_then_fails_is_asked_less_and_less_until_it_takes_a_mail() -> None:
    circuit, pauses = Circuit(), []
    for round in range(8):
        if round == 7:
            circuit.took()
        circuit.broke(NOW, refused=False)
        pauses.append(next(s for s in range(100) if circuit.ask(NOW + timedelta(seconds=s)) is Leave.PROBE))
        circuit.mended()
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 2]
