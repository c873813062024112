"""How far a run says that it has come: it never claims to be through before it is done."""

from services.scheduler.domain.books import Method
from services.scheduler.domain.email_types import EmailType
from services.scheduler.use_cases.run import Progress
from services.scheduler.use_cases.sweeps import BATCH
from services.scheduler.use_cases.tick import TickOrder, run_tick
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.other_types import EXPIRATION, at, card, summaries, with_types
from tests.unit.scheduler.world import World

MANY = 2 * BATCH + 2


def with_many(*types: EmailType) -> World:
    world = with_types(*types)
    at(world, "2026-03-15")
    world.ledger.invoices = {n: an_invoice(n, organization_id=f"o{n}") for n in range(1, MANY + 1)}
    return world


def run(world: World) -> list[Progress]:
    steps = list(run_tick(TickOrder(), ticking=world.ticking))
    assert all(step.total > step.examined for step in steps[:-1])
    assert (steps[-1].done, steps[-1].total) == (True, steps[-1].examined)
    return steps


def test_a_run_of_summaries_alone_knows_from_the_first_batch_how_many_there_are() -> None:
    first, second, *_, last = run(with_many(summaries()))
    assert [(step.examined, step.total) for step in (first, second, last)] == [
        (BATCH, MANY), (2 * BATCH, MANY), (MANY, MANY),
    ]  # fmt: skip


def test_due_invoices_and_summaries_add_up() -> None:
    world = with_many(summaries())
    world.enable(1)
    assert run(world)[-1].total == 2 * MANY


def test_cards_of_which_the_number_is_not_known_are_never_said_to_be_all() -> None:
    world = with_many(EmailType(EXPIRATION, enabled=True))
    cards: list[Method] = [card("2026-03", f"m{n}") for n in range(MANY)]
    world.accounts.methods["o1"] = cards
    assert run(world)[-1].total == MANY
