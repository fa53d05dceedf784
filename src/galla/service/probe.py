"""Testing a merchant's connection: what is wrong with it, in words for whoever sets galla up.

A question about an id that cannot exist goes to each of Paytm's hosts. It is no step of any payment, and no answer to
it is booked: beside `advance.py` and `refunding.py`, which move money, this is the only place that asks Paytm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime

import msgspec
from sqlalchemy import Connection

from galla.client.address import addresses
from galla.client.flows import Flow, arun
from galla.connectors.connector import Account
from galla.connectors.probe import Heard, Verdict, ask_machines, ask_online
from galla.errors import ConfigError, NotSent, ProtocolError, TransportError
from galla.protocol.message import Request, Response
from galla.service.till import Principal, Till
from galla.service.words import ago
from galla.store.journal import Note, record

SKEW_MAX_S = 120.0
"""Beyond this a computer's clock is wrong enough for Paytm to misread the day of a sale or to refuse a request."""
_WAIT_S = 10.0

_MACHINES, _ONLINE = "Card machines", "UPI, links and refunds"
_SAID = {
    Verdict.GOOD: "Paytm knows this MID and accepts the key.",
    Verdict.WRONG_KEY: "Paytm answers, and does not accept the signature: the key is not the one it has for this MID.",
    Verdict.UNKNOWN_MID: "Paytm answers, and does not know this MID, or has not set it up for this.",
    Verdict.BLOCKED: "Paytm knows this MID and has blocked it.",
    Verdict.UNCLEAR: "Paytm answers, but not as it should to a question about a payment that does not exist.",
}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found about one of Paytm's hosts, or about the clock.

    `word` is `good`, `wrong_key`, `unknown_mid`, `blocked`, `unclear`, `unreachable`, `silent`, `not_paytm` or
    `clock`; `hints` say what to look at, the likeliest first; `quote` is Paytm's own word with its code.
    """

    about: str
    host: str
    word: str
    said: str
    hints: tuple[str, ...] = ()
    quote: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong here."""
        return self.word == Verdict.GOOD


async def probe(till: Till, principal: Principal) -> list[Finding]:
    """Ask each of Paytm's hosts about nothing, and return what the answers show; that it was tested is audited.

    Raises:
        NotFound: no such merchant.
    """
    till.forget(principal.merchant_id)  # a key that was changed a moment ago is the one to test
    try:
        account = await till.account(principal.merchant_id)
    except ConfigError as error:
        return [Finding(about="Environment", host="", word=Verdict.UNCLEAR, said=str(error))]
    settings = till.settings
    hosts = addresses(
        settings.environment,
        edc=settings.edc_url or None,
        queue=settings.queue_url or None,
        pg=settings.pg_url or None,
    )
    asked = await asyncio.gather(
        _ask(till, account, _MACHINES, hosts.edc, ask_machines), _ask(till, account, _ONLINE, hosts.pg, ask_online)
    )
    found = _compared([finding for finding, _ in asked])
    skew_s = max((skew for _, skew in asked if skew is not None), key=abs, default=0.0)
    if abs(skew_s) > SKEW_MAX_S:
        found.append(_clock(skew_s))
    await till.database.write(_note, till, principal, found)
    return found


async def _ask(
    till: Till, account: Account, about: str, host: str, question: Callable[[Account, datetime], Flow[Heard]]
) -> tuple[Finding, float | None]:
    """Return what one host said, and by how many seconds our clock is ahead of its own."""
    answers: list[tuple[Response, datetime]] = []

    async def send(request: Request) -> Response:
        response = await till.carry(request, _WAIT_S)
        answers.append((response, till.clock.now()))
        return response

    try:
        heard = await arun(question(account, till.clock.now()), send, till.clock)
    except NotSent:
        said = f"No connection to {host} could be made."
        hints = ("Look at this computer's network, its firewall and its DNS.", "Look at the address above.")
        return Finding(about=about, host=host, word="unreachable", said=said, hints=hints), None
    except TransportError:
        status = f" (HTTP {answers[-1][0].status})" if answers else ""
        said = f"{host} was reached and gave no answer of use within {_WAIT_S:.0f} seconds{status}."
        hints = ("Test again in a minute: Paytm may be down.", "Look at the address above.")
        return Finding(about=about, host=host, word="silent", said=said, hints=hints), None
    except ProtocolError:
        said = f"Something answers at {host} (HTTP {answers[-1][0].status}), but not as Paytm does."
        hints = (
            "The address is another's, or a proxy answers in Paytm's place.",
            f"This galla runs on Paytm's {account.environment}: look at the address above.",
        )
        return Finding(about=about, host=host, word="not_paytm", said=said, hints=hints), None
    return _judged(account, about, host, heard), _skew_s(*answers[-1])


def _judged(account: Account, about: str, host: str, heard: Heard) -> Finding:
    quote = f"{heard.message} ({heard.code})" if heard.code else heard.message or None
    hints: tuple[str, ...] = ()
    ours = f"This galla runs on Paytm's {account.environment}; each environment has MIDs and keys of its own."
    if heard.verdict is Verdict.WRONG_KEY:
        hints = (*_about_key(account, about), ours)
    elif heard.verdict is Verdict.UNKNOWN_MID:
        hints = (ours, f"Compare the MID {account.mid} with Paytm's dashboard, letter by letter.",
                 f"Ask Paytm whether the MID is set up for {about.lower()}.")  # fmt: skip
    elif heard.verdict is Verdict.BLOCKED:
        hints = ("Call Paytm merchant support; take cash until then.",)
    is_good = heard.verdict is Verdict.GOOD
    return Finding(
        about=about, host=host, word=heard.verdict, said=_SAID[heard.verdict], hints=hints,
        quote=None if is_good else quote,
    )  # fmt: skip


def _about_key(account: Account, about: str) -> tuple[str, ...]:
    """Return what may be wrong with a key, without showing any of it."""
    text = account.key.reveal()
    found = []
    if text != text.strip() or any(not char.isprintable() for char in text):
        found.append("The key kept here begins or ends with a space, or holds a sign that cannot be seen.")
    found.append(f"The key kept here has {len(text)} characters. Copy it once more from Paytm's dashboard, whole.")
    if account.client_id is None and about == _ONLINE:
        found.append("Where a MID has several keys, Paytm needs the client id beside the key.")
    return tuple(found)


def _compared(found: list[Finding]) -> list[Finding]:
    """Add what only both answers together show: a key that one host takes is copied right."""
    words = {finding.word for finding in found}
    if words != {Verdict.GOOD, Verdict.WRONG_KEY}:
        return found
    hint = "The other one accepts this key, so it is copied right: ask Paytm which key it has for this."
    return [
        finding if finding.is_good else msgspec.structs.replace(finding, hints=(hint, *finding.hints))
        for finding in found
    ]


def _skew_s(response: Response, now: datetime) -> float | None:
    """Return by how much our clock is ahead of the answer's own date; None when it has none."""
    try:
        theirs = parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError):
        return None
    return (now - theirs).total_seconds() if theirs.tzinfo is not None else None


def _clock(skew_s: float) -> Finding:
    said = f"This computer's clock is {ago(abs(skew_s))} {'ahead of' if skew_s > 0 else 'behind'} Paytm's."
    hint = "Switch on the automatic setting of the time (NTP): galla dates every payment by this clock."
    return Finding(about="Clock", host="", word="clock", said=said, hints=(hint,))


def _note(connection: Connection, till: Till, principal: Principal, found: list[Finding]) -> None:
    note = Note(
        actor=principal.actor,
        origin=principal.origin,
        action="merchant.connection_tested",
        object_id=principal.merchant_id,
        detail={finding.about: finding.word for finding in found},
    )
    record(connection, principal.merchant_id, till.clock.now(), note)
