"""The scanner of tokens: what it takes, what it says about the rest, and that nothing can hurt it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mailer.domain.tokens import (
    LONGEST_VALUE,
    MOST_PROBLEMS,
    MOST_TOKENS,
    Slot,
    is_blank,
    is_one_line,
    one_line,
    scan,
    substitute,
)

KNOWN = {"invoice.number", "invoice.amount", "contact.name", "pay.link"}
BRACES = st.text(alphabet="{}%#| .ainvoicenumber\n\r\x00é🎉", max_size=200)


def _problem(text: str) -> tuple[str, int, int, str]:
    _parsed, problems = scan(text, KNOWN, elsewhere={"payment.amount"})
    [problem] = problems
    return problem.reason, problem.line, problem.column, problem.description


@pytest.mark.parametrize(
    "text",
    ["{{invoice.number}}", "{{ invoice.number }}", "{{  invoice.number\t}}", "{{\n invoice.number\n}}"],
)
def test_white_space_within_the_braces_does_not_matter(text: str) -> None:
    assert scan(f"No. {text}!", KNOWN) == (("No. ", Slot("invoice.number"), "!"), ())


@pytest.mark.parametrize("text", ["", "plain", "a { b } c", "100 %} of {x}", "}{", "# {"])
def test_text_without_tokens_stays_as_it_is(text: str) -> None:
    parsed, problems = scan(text, KNOWN)
    assert "".join(map(str, parsed)) == text
    assert problems == ()


def test_an_unknown_token_is_named_with_its_place_and_the_nearest_known_one() -> None:
    reason, line, column, words = _problem("Hello,\n  {{ invoice.numbr }}")
    assert (reason, line, column) == ("TOKEN_UNKNOWN", 2, 3)
    assert words == "There is no token “invoice.numbr”. Did you mean {{ invoice.number }}?"


def test_a_token_of_another_mail_is_explained() -> None:
    reason, *_place, words = _problem("{{ payment.amount }}")
    assert reason == "TOKEN_UNKNOWN"
    assert words.startswith("The token “payment.amount” has no meaning in this mail.")


@pytest.mark.parametrize(
    ("text", "reason", "column"),
    [
        ("a {{ invoice.number", "BRACES_BROKEN", 3),
        ("a invoice.number }}", "BRACES_BROKEN", 18),
        ("{{ {{ invoice.number }}", "BRACES_BROKEN", 1),
        ("{{}}", "TOKEN_MALFORMED", 1),
        ("{{ invoice.number | upper }}", "TOKEN_MALFORMED", 1),
        ("{{ invoice.number() }}", "TOKEN_MALFORMED", 1),
        ("{{ invoice['number'] }}", "TOKEN_MALFORMED", 1),
        ("{{ 'a' * 1000000000 }}", "TOKEN_MALFORMED", 1),
        ("{{ invoice.number.__class__ }}", "TOKEN_UNKNOWN", 1),
        ("{{ self.__init__ }}", "TOKEN_UNKNOWN", 1),
        ("x {% for a in b %}", "STATEMENT_NOT_ALLOWED", 3),
        ("{# hidden #}", "STATEMENT_NOT_ALLOWED", 1),
        ("{{ " + "a" * 200 + " }}", "BRACES_BROKEN", 1),
    ],
)
def test_everything_but_a_plain_name_is_refused(text: str, reason: str, column: int) -> None:
    found = scan(text, KNOWN)[1]
    assert (found[0].reason, found[0].line, found[0].column) == (reason, 1, column)


def test_several_mistakes_are_told_at_once_up_to_a_limit() -> None:
    assert len(scan("{{ a }} {{ b }} }}", KNOWN)[1]) == 3
    assert len(scan("{{ a }}" * 1000, KNOWN)[1]) == MOST_PROBLEMS


def test_the_number_of_tokens_is_limited() -> None:
    assert scan("{{ pay.link }}" * MOST_TOKENS, KNOWN)[1] == ()
    [problem] = scan("{{ pay.link }}" * (MOST_TOKENS + 1), KNOWN)[1]
    assert problem.reason == "TOO_MANY_TOKENS"


@given(BRACES | st.text())
def test_no_text_makes_the_scanner_raise(text: str) -> None:
    parsed, problems = scan(text, KNOWN)
    if not problems:
        values = dict.fromkeys(KNOWN, "x")
        assert "{{" not in substitute(parsed, values, str)


@given(BRACES | st.text(), st.text())
def test_a_value_is_never_read_as_a_template(text: str, value: str) -> None:
    parsed, problems = scan("{{ contact.name }}" + text.replace("{", "").replace("}", ""), KNOWN)
    assert problems == ()
    assert substitute(parsed, {"contact.name": value}, str).startswith(value[:LONGEST_VALUE])


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["{", "{{", "{{ a", "}}", "{%"])
def test_the_work_of_scanning_hostile_text_grows_with_its_length_alone(piece: str) -> None:
    """With the square of its length this much text would take hours."""
    text = piece * 2_000_000
    assert scan(text, KNOWN)[1] or set(text) == {"{"}


@given(st.text() | st.text(alphabet="a\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\x00\t\ud800é"))
def test_one_line_is_one_line_for_every_reader(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert is_one_line(line)
    line.encode()


@pytest.mark.parametrize("turn", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_nothing_in_a_line_turns_the_direction_of_what_follows(turn: str) -> None:
    assert one_line(f"Invoice of {turn}emca is due") == "Invoice of emca is due"
    assert not is_one_line(f"Invoice {turn}")


@pytest.mark.parametrize(
    "text", ["", " ", "\u200b", "\u2060\ufeff \u00ad", "\u3164", "\u2800\ufe0f", "\u202e"]
)
def test_what_nobody_can_see_is_blank(text: str) -> None:
    assert is_blank(text)
    assert not is_blank(f"{text}1")


def test_letters_of_all_scripts_and_emoji_survive_in_a_line() -> None:
    for text in ("Ünïcode", "שלום עולם", "👩‍👩‍👧", "日本語", "a\u200fb"):
        assert one_line(text) == text
        assert not is_blank(text)
