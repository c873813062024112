"""What is told of new invoices."""

from services.paynow.domain.recorded import MOST_CHARACTERS, RecordedInvoice, invoices_recorded


def test_new_invoices_are_one_fact() -> None:
    recorded = [RecordedInvoice(7, "O-1"), RecordedInvoice(8, "O-2")]
    assert list(invoices_recorded(3, recorded)) == [
        {
            "sync_id": "3",
            "invoices": [
                {"invoice_id": 7, "organization_id": "O-1"},
                {"invoice_id": 8, "organization_id": "O-2"},
            ],
        }
    ]


def test_nothing_new_is_nothing_told() -> None:
    assert list(invoices_recorded(3, [])) == []


def test_the_longest_ids_are_told_in_several_facts_that_lose_none() -> None:
    recorded = [RecordedInvoice(number, "Ä" * 100) for number in range(1, 1001)]
    facts = list(invoices_recorded(3, recorded))
    told = [one["invoice_id"] for fact in facts for one in fact["invoices"]]
    assert told == list(range(1, 1001))
    assert len(facts) == 2
    assert max(sum(len(one["organization_id"]) for one in f["invoices"]) for f in facts) <= MOST_CHARACTERS
