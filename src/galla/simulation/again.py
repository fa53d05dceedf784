"""What staff do once more: ask about a payment that is decided, and give back what has failed to go back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galla.simulation.network import Road
from galla.simulation.pick import pick
from galla.simulation.staff import ask_paytm, give_back

if TYPE_CHECKING:
    from galla.simulation.run import Run


GAP_S, MOST = 2.0, 4


def look_back(run: Run, a: int, b: int, c: int) -> None:
    """Staff ask about what is decided, and a replica that lags behind says what it said at first."""
    run.do(run.stage.pass_time(GAP_S))
    tenders = run.stage.books.tenders
    decided = [each for each in tenders.values() if each.status in ("paid", "not_paid") and not each.is_cash]
    decided.sort(key=lambda each: (-each.is_late, each.id))
    late = sum(each.is_late for each in decided)
    start = (a + 6 * c) % (len(decided) - late) if len(decided) > late else 0
    for each in (*decided[:late][:MOST], *decided[late:][start : start + MOST]):
        run.stage.network.plan(Road.STALE)
        ask_paytm(run, run.model.tenders[each.id])


def give_again(run: Run, a: int, b: int, c: int) -> None:
    """Staff give money back once more, where an earlier try has failed."""
    books = run.stage.books
    failed = [
        each
        for each in run.model.tenders.values()
        if each.left and any(back.status == "failed" for back in books.given_back(each.id))
    ]
    if failed:
        give_back(run, pick(failed, a), None if b % 2 else 100, "auto")
