"""What `dunlin stars` prints and how it ends."""

from __future__ import annotations

from tests.unit.cli.test_commands import Dunlin, FakeCompany, company, dunlin

__all__ = ["company", "dunlin"]


def test_contacts_are_listed_with_why_they_are_starred(dunlin: Dunlin) -> None:
    assert "accounting system's primary contact" in dunlin("stars", "list", "ACME").out
    listed = dunlin("stars", "list", "ACME", "--json").lines
    assert [(one["name"], one["default_by"]) for one in listed] == [
        ("Dana Reyes", "primary"), ("Sam Other", ""),
    ]  # fmt: skip
    assert dunlin("stars", "list", "nobody").code == 3


def test_a_star_is_set_taken_away_and_left_to_the_imports_again(dunlin: Dunlin) -> None:
    dana, sam = (one["contact_id"] for one in dunlin("stars", "list", "ACME", "--json").lines)
    ran = dunlin("stars", "add", "ACME", str(sam))
    assert (ran.code, ran.out) == (0, f"starred by hand: {dana}, {sam}\n")
    (removed,) = dunlin("stars", "remove", "ACME", str(dana), "--json").lines
    assert removed == {
        "before": [dana, sam], "by_hand": [sam], "default_contact_ids": [sam], "reachable": True,
    }  # fmt: skip
    assert dunlin("stars", "remove", "ACME", str(sam)).code == 3, "the last one stays"
    assert dunlin("stars", "back", "ACME").out == f"starred by the imports: {dana}\n"


def test_a_request_id_makes_a_repeat_harmless(dunlin: Dunlin, company: FakeCompany) -> None:
    again = ("stars", "add", "ACME", "2", "--request-id", "r-1", "--json")
    first = dunlin(*again)
    dunlin("stars", "back", "ACME")
    assert dunlin(*again).lines == first.lines
    assert not company.services.ledger.organizations["ACME"].contacts[1].is_default


def test_imports_that_reach_nobody_are_told_by_words_and_exit_code(
    dunlin: Dunlin, company: FakeCompany
) -> None:
    dunlin("stars", "add", "ACME", "2")
    del company.services.ledger.organizations["ACME"].contacts[0].emails[:]
    ran = dunlin("stars", "back", "ACME")
    assert (ran.code, ran.out.splitlines()[1:]) == (
        1, ["Nobody of them has an email address, so nothing can be sent."],
    )  # fmt: skip
