"""A shift's report in words: the X report while it is open, the Z report once it is closed, never changed again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from galla.money import format_inr
from galla.receipts.paper import REHEARSAL, Row, when
from galla.receipts.tally import Part, Tally
from galla.service import merchants, shifts
from galla.service.till import Principal, Till
from galla.service.views import View

_MOVED = {"pay_in": "Put in", "pay_out": "Taken out"}


async def tally(till: Till, principal: Principal, shift_id: str) -> Tally:
    """Return the report of a shift as a paper. Reading it changes nothing, however often it is printed.

    Raises:
        NotFound: no such shift for this merchant.
    """
    shift = await shifts.get(till, principal, shift_id)
    merchant = await merchants.get(till, principal.merchant_id)
    report, is_closed = shift["report"], shift["status"] == "closed"
    return Tally(
        title=f"Z report {shift['number']}" if is_closed else "X report",
        rehearsal=REHEARSAL if till.settings.environment != "production" else "",
        shop=merchant["name"],
        heads=_heads(shift, till.clock.now()),
        parts=(
            _sums(report),
            *(
                _by(title, lines, name)
                for title, lines, name in (
                    ("By mode", report["by_mode"], _mode),
                    ("By machine", report["by_machine"], _machine),
                    ("By person", report["by_user"], _person),
                )
                if lines
            ),
            *_beside(report["paytm"]),
            _drawer(shift),
        ),
        sentences=_sentences(shift),
        signatures=(f"Handed over: {shift['closed_by']}", f"Taken over: {shift['witness']}") if is_closed else (),
        printed_at=till.clock.now(),
    )


def _heads(shift: View, now: datetime) -> tuple[Row, ...]:
    named = (
        ("Counter", shift["counter"]),
        ("Opened", f"{_when(shift['opened_at'])}, {shift['opened_by']}"),
        ("Closed", f"{_when(shift['closed_at'])}, {shift['closed_by']}" if shift["closed_at"] else ""),
        ("Signed by", shift["witness"] or ""),
        ("Printed", when(now)),
    )
    return tuple(Row(label, value) for label, value in named if value)


def _sums(report: View) -> Part:
    named = (
        (f"Taken ({report['payments']})", report["collected"], True),
        (f"Given back ({report['refunds']})", report["given_back"], True),
        ("For older bills", report["old_dues"], False),
        ("Proven before the opening", report["before_opening"], False),
    )
    rows = tuple(Row(label, _bare(amount)) for label, amount, is_always in named if amount or is_always)
    return Part(title="Money", rows=rows, total=Row("Net", format_inr(report["net"])))


def _by(title: str, lines: list[View], name: Any) -> Part:
    rows: list[Row] = []
    for line in lines:
        rows.append(Row(f"{name(line)} ({line['count']})", _bare(line["collected"])))
        if line["given_back"]:
            rows.append(Row(f"{name(line)}, given back", _bare(line["given_back"])))
    return Part(title=title, rows=tuple(rows))


def _beside(paytm: View | None) -> tuple[Part, ...]:
    """Return what Paytm's list said at the closing; an open shift has not been compared."""
    if paytm is None:
        return ()
    word = {"agrees": "agrees", "differs": "differs", "not_asked": "not asked"}[paytm["status"]]
    rows = [Row(f"{_machine(line)}, in galla", _bare(line["ours"])) for line in paytm["by_machine"]]
    listed = [Row(f"{_machine(line)}, listed", _bare(line["theirs"])) for line in paytm["by_machine"]]
    lines = [row for pair in zip(rows, listed, strict=True) for row in pair]
    for said, found in (("Only in galla", "only_ours"), ("Only at Paytm", "only_theirs"), ("Amount differs", "differ")):
        for each in paytm[found]:
            name = each.get("reference") or each.get("paytm_id") or each["payment"]
            lines.append(Row(f"{said}: {name}", _bare(each["amount"] or 0)))
    return (Part(title="Beside Paytm's list", rows=tuple(lines), total=Row("Paytm's list", word)),)


def _drawer(shift: View) -> Part:
    report = shift["report"]
    rows = [
        Row("Float", _bare(shift["float"])),
        Row("Cash taken", _bare(report["cash_taken"])),
        Row("Cash given back", _bare(report["cash_given_back"])),
        *(Row(f"{_MOVED[each['kind']]}: {each['reason']}", _bare(each["amount"])) for each in report["movements"]),
    ]
    expected = Row("Cash expected", format_inr(report["cash_expected"]))
    if shift["status"] == "open":
        return Part(title="Drawer", rows=tuple(rows), total=expected)
    rows += [expected, Row("Cash counted", _bare(shift["counted"]))]
    return Part(title="Drawer", rows=tuple(rows), total=Row("Difference", format_inr(shift["difference"])))


def _sentences(shift: View) -> tuple[str, ...]:
    report = shift["report"]
    said = []
    if shift["difference_reason"]:
        said.append(f"Why the cash differs: {shift['difference_reason']}")
    paytm = report["paytm"]
    if paytm is not None and paytm["reason"]:
        said += [paytm["trouble"]] if paytm["trouble"] else []
        said.append(f"{paytm['by']} said to Paytm's list: {paytm['reason']}")
    if report["refunds_on_their_way"]:
        amount = format_inr(-report["on_its_way_back"])
        said.append(f"{amount} is on its way back to customers and not counted yet: it counts when Paytm has paid it.")
    if shift["status"] == "open":
        said.append("The shift is open: these sums go on. The Z report is made when two people close it.")
    return tuple(said)


def _mode(line: View) -> str:
    name = str(line["name"])
    return name if name == "UPI" else name.replace("_", " ").capitalize()


def _machine(line: View) -> str:
    return f"{line['label'] or ''} {line['name']}".strip()


def _person(line: View) -> str:
    return str(line["name"])


def _when(text: str) -> str:
    return when(datetime.fromisoformat(text))


def _bare(amount_paise: int) -> str:
    return format_inr(amount_paise, symbol="")
