"""What is marked as one statement runs just one, so that it needs no transaction to see one moment."""

from typing import Any

from sqlalchemy import Connection, event

from galla.clock import to_millis
from galla.store import access, callbacks, claims, journal, merchants, one_statement, payments, webhooks
from galla.store.database import Database
from tests.store.samples import NOW, make_shop, sale

ASKED = {
    access.key_with_digest: ("digest",),
    access.session_with_digest: ("digest", "session", to_millis(NOW)),
    callbacks.heard: ("merchant", "mid", "paytm id", "digest", NOW),
    callbacks.merchant_with_token: ("token",),
    claims.due_and_held: (NOW,),
    claims.next_due_at: (),
    journal.events_after: ("merchant", 0, 10),
    journal.last_position: ("merchant",),
    merchants.get_merchant: ("merchant",),
    merchants.terminals_of: ("merchant",),
    payments.get: ("merchant", "payment"),
    payments.paid_by: ("mid", "transaction"),
    webhooks.listening: (),
}


async def test_what_is_marked_runs_one_statement(database: Database) -> None:
    """Each marked function asks once, and only reads, whether or not it finds something."""
    shop = await database.write(make_shop)
    payment = sale(shop)
    await database.write(payments.insert_payment, payment)
    assert set(ASKED) == one_statement._MARKED, "a function was marked that is not tried here"
    there = {"merchant": shop.merchant_id, "payment": payment.id}
    for work, given in ASKED.items():
        for args in (given, tuple(there.get(each, each) if isinstance(each, str) else each for each in given)):
            said = await database.write(_statements, work, args)
            assert len(said) == 1, f"{work.__name__} runs {said}"
            assert said[0].startswith("SELECT"), f"{work.__name__} runs {said}"


def _statements(connection: Connection, work: Any, args: tuple[Any, ...]) -> list[str]:
    said: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        said.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    work(connection, *args)
    event.remove(connection, "before_cursor_execute", note)
    return said
