"""Versions of a text: nothing that was saved is lost, and what differs is shown word by word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.template_editor.compare import ADDED, REMOVED, SAME, compare
from gateway.template_editor.types import SLUGS
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_visitor import Visitor

EDIT = "/client-emails/templates/due-notice-after"
KEY = (SLUGS["due-notice-after"], "en", 0)


def save(staff: Visitor, **areas: str) -> None:
    page = staff.send(staff.get(EDIT).one("//form[.//textarea]"), **areas)
    assert "has been saved" in page.text


def test_each_version_tells_who_saved_it_and_when(staff: Visitor) -> None:
    save(staff, title="Second thoughts")
    rows = staff.get(EDIT).tree.xpath("//section[@aria-labelledby='versions']//tbody/tr")
    texts = [" ".join(row.text_content().split()) for row in rows]
    assert texts[0].startswith("Version 2 In use")
    assert "staff@harbor.example" in texts[0]
    assert "As shipped" in texts[1]


def test_an_older_version_says_what_restoring_does_and_then_does_it(
    staff: Visitor, services: FakeServices
) -> None:
    save(staff, title="Second thoughts")
    older = staff.get(f"{EDIT}/versions/1")
    assert "as shipped" in older.text
    assert "saved again as version 3" in older.text
    assert "Version 2, which is in use now, stays in the list." in older.text
    page = staff.send(older.form("/restore"))
    assert "Version 1 has been saved again as version 3." in page.text
    assert services.mailer.versions[KEY][-1].areas.title == "Your invoice"
    assert len(services.mailer.versions[KEY]) == 3


def test_the_version_in_use_offers_no_restoring(staff: Visitor) -> None:
    assert staff.get(f"{EDIT}/versions/1").tree.xpath("//form[contains(@action, '/restore')]") == []


def test_restoring_after_somebody_else_saved_asks_to_look_again(
    staff: Visitor, services: FakeServices
) -> None:
    save(staff, title="Second")
    older = staff.get(f"{EDIT}/versions/1")
    save(staff, title="Third")
    page = staff.send(older.form("/restore"))
    assert "Somebody else has saved this text meanwhile." in page.text
    assert services.mailer.versions[KEY][-1].areas.title == "Third"


def test_versions_of_a_language_and_a_rule_stand_alone(staff: Visitor, services: FakeServices) -> None:
    german = staff.get(f"{EDIT}?language=de&rule=30")
    page = staff.send(german.one("//form[.//textarea]"), title="Dreißig Tage")
    page = staff.send(page.one("//form[.//textarea]"), title="Ein Monat")
    link = page.one("//a[contains(., 'View or restore')]")
    restored = staff.send(staff.get(link.get("href")).form("/restore"))
    assert "Version 1 has been saved again as version 3." in restored.text
    assert services.mailer.versions[KEY[0], "de", 30][-1].areas.title == "Dreißig Tage"
    assert len(services.mailer.versions[KEY]) == 1


def test_two_versions_stand_beside_each_other_with_their_words_marked(staff: Visitor) -> None:
    header = "<p>Dear {{ organization.name }}, please look at this:</p>"
    save(staff, title="Your bill", header=header, footer="<p>Thank you.</p>")
    page = staff.get(f"{EDIT}/compare")
    removed = [" ".join(one.text_content().split()) for one in page.tree.xpath("//del")]
    added = [" ".join(one.text_content().split()) for one in page.tree.xpath("//ins")]
    assert removed == ["[taken out: invoice]"]
    assert added == ["[put in: bill]", "[put in: please look at this:]"]
    same = [one.text_content() for one in page.tree.xpath("//h2[span]")]
    assert [name.split()[0] for name in same] == ["Subject", "Footer"]


def test_any_two_versions_can_be_chosen(staff: Visitor) -> None:
    for title in ("Second", "Third"):
        save(staff, title=title)
    page = staff.get(f"{EDIT}/compare?older=1&newer=3")
    assert [one.get("value") for one in page.tree.xpath("//option[@selected]")] == ["1", "3"]
    assert "Second" not in page.one("//main").text_content()
    page.one("//a[contains(@href, '/versions/1')]")


@pytest.mark.parametrize(
    "path", [f"{EDIT}/versions/9", f"{EDIT}/versions/0", f"{EDIT}/compare?older=9", f"{EDIT}/compare?rule=60"]
)
def test_what_does_not_exist_is_not_found(staff: Visitor, path: str) -> None:
    assert staff.get(path).status == 404


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_pieces_of_each_side_are_its_text(older: str, newer: str) -> None:
    left, right = compare(older, newer)
    assert "".join(piece.text for piece in left) == older
    assert "".join(piece.text for piece in right) == newer
    assert {piece.kind for piece in left} <= {SAME, REMOVED}
    assert {piece.kind for piece in right} <= {SAME, ADDED}
    assert [piece.text for piece in left if piece.kind == SAME] != [] or not (older and older == newer)


def test_a_token_is_marked_whole() -> None:
    left, right = compare("Pay {{ invoice.balance }} now", "Pay {{ invoice.number }} now")
    assert [piece.text for piece in left if piece.kind == REMOVED] == [" {{ invoice.balance }}"]
    assert [piece.text for piece in right if piece.kind == ADDED] == [" {{ invoice.number }}"]


def test_texts_too_large_to_compare_by_words_count_as_changed_whole() -> None:
    older, newer = "a " * 2000, "b " * 2000
    left, right = compare(older, newer)
    assert [(piece.kind, len(piece.text)) for piece in (*left, *right)] == [(REMOVED, 4000), (ADDED, 4000)]
