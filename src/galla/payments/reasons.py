"""Why a payment or a refund is where it is, in the words of the counter: what happened, and what to do now.

Reasons that come from one of Paytm's codes are made by the connectors.
"""

from __future__ import annotations

from galla.payments.model import Reason


def lost_reply(paytm_code: str | None) -> Reason:
    """Return the reason after a request without an answer."""
    return Reason(
        code="lost_reply",
        message="Paytm's answer did not reach us, so this payment may be on the machine.",
        hint="We are checking with Paytm. Do not take this payment again.",
        paytm_code=paytm_code,
    )


def lost_code(paytm_code: str | None) -> Reason:
    """Return the reason after requests for a code, none of which brought one."""
    return Reason(
        code="lost_reply",
        message="Paytm's answer with the code did not reach us. Nobody has seen a code, so nobody can pay by it.",
        hint="We are asking Paytm to take the request back. Then take the payment another way.",
        paytm_code=paytm_code,
    )


def expired() -> Reason:
    """Return the reason after a link or code that nobody used."""
    return Reason(
        code="expired",
        message="The time to pay ran out and nobody paid.",
        hint="Nothing was charged. Make a new code if the customer still wants to pay.",
    )


def late() -> Reason:
    """Return the reason to look at a payment that was paid after it had been given up."""
    return Reason(
        code="late",
        message="This was paid after all, after Paytm or the counter had given it up.",
        hint="Keep it if nobody has paid another way since. If somebody has, give this one back.",
    )


def stopped() -> Reason:
    """Return the reason to look at a payment that was paid after staff had stopped waiting for it."""
    return Reason(
        code="stopped",
        message="This was paid after the counter had stopped waiting for it.",
        hint="Keep it if nobody has paid another way since. If somebody has, give this one back.",
    )


def past_ladder() -> Reason:
    """Return the reason to look at a payment that Paytm has not decided in all the time it was asked."""
    return Reason(
        code="past_ladder",
        message="Paytm has still not said whether this was paid, though it was asked all this time.",
        hint="Look at the machine's slip and the Paytm dashboard. Two people can then decide it on its page.",
    )


def resolved() -> Reason:
    """Return the reason of a payment that two people have decided was not paid."""
    return Reason(
        code="resolved",
        message="Two people decided that this was not paid, after Paytm had not said so in time.",
        hint="Nothing is booked. If Paytm proves it paid after all, you will be told.",
    )


def confirmed(transaction: str | None, rrn: str | None) -> Reason:
    """Return the note on a payment that people had decided was paid, and that Paytm has proven since."""
    named = ", ".join(text for text in (transaction and f"transaction {transaction}", rrn and f"RRN {rrn}") if text)
    return Reason(
        code="confirmed",
        message=f"Paytm has proven since that this was paid{f' ({named})' if named else ''}.",
        hint="Nothing more to do.",
    )


def excess(said: str) -> Reason:
    """Return the reason to look at a payment of which the bill did not need all; `said` is the rest, in words."""
    return Reason(
        code="excess",
        message=f"{said} of this payment was no longer due, and stands as the customer's advance.",
        hint="Put it on another bill of this customer, or give it back.",
    )


def conflict(message: str, paytm_code: str | None) -> Reason:
    """Return the reason after evidence against a payment that is proven."""
    return Reason(
        code="conflict",
        message=f"{message} It stays paid, because it was proven.",
        hint="Compare with the Paytm dashboard before giving any money back.",
        paytm_code=paytm_code,
    )


def never_sent(message: str) -> Reason:
    """Return the reason after a request that certainly did not leave."""
    return Reason(
        code="never_sent",
        message=message,
        hint="Nothing was charged. You can send it again.",
    )


def never_arrived() -> Reason:
    """Return the reason after repeated word that Paytm does not know the id."""
    return Reason(
        code="not_found",
        message="Paytm does not know this payment, so our request seems to have been lost on the way.",
        hint="We send the same request once more. Do not start another payment.",
    )


def resend_refused(refusal: Reason) -> Reason:
    """Return the reason after a second sending that Paytm refused."""
    return Reason(
        code="not_found",
        message="Paytm would not take this payment a second time, and the first request may still have arrived.",
        hint="We are checking with Paytm. Do not take this payment again.",
        paytm_code=refusal.paytm_code,
        paytm_message=refusal.paytm_message,
    )


def lost_after_acceptance(paytm_code: str | None) -> Reason:
    """Return the reason after Paytm forgot what it had accepted."""
    return Reason(
        code="not_found",
        message="Paytm accepted this payment and now says it does not know it.",
        hint="Look at the machine and the Paytm dashboard. Do not take this payment again.",
        paytm_code=paytm_code,
    )


def transaction_reused(other_id: str) -> Reason:
    """Return the reason of a proof whose transaction has paid another payment already."""
    return Reason(
        code="mismatch",
        message=f"Paytm names a transaction that has already paid {other_id}, so this one is not marked paid.",
        hint="Compare both slips with the Paytm dashboard. Do not take this payment again.",
    )


def refund_lost(noun: str) -> Reason:
    """Return the trouble of a refund, or void, whose answer did not come."""
    return Reason(
        code="lost_reply",
        message=f"Paytm's answer to the {noun} did not reach us.",
        hint="We are checking with Paytm by the same reference. Do not refund again.",
    )


def refund_resend_refused(noun: str, refusal: Reason) -> Reason:
    """Return the trouble of a refund, or void, that Paytm would not take a second time."""
    return Reason(
        code="not_found",
        message=f"Paytm would not take this {noun} a second time, and the first request may have arrived.",
        hint="We are checking with Paytm by the same reference. Do not refund again.",
        paytm_code=refusal.paytm_code,
        paytm_message=refusal.paytm_message,
    )


def already_raised(noun: str) -> Reason:
    """Return the trouble of a refund, or void, that Paytm says it has already."""
    return Reason(
        code="already_raised",
        message=f"Paytm says that this {noun} was raised before.",
        hint="We are checking with Paytm by its reference. Do not refund again.",
    )


def refund_never_sent() -> Reason:
    """Return the trouble of a refund that Paytm never had, though it was sent twice."""
    return Reason(
        code="never_sent",
        message="Paytm never received this refund, though it was sent twice.",
        hint="No money went back. Start the refund again.",
    )


REFUND_INSTEAD = "The sale stands. Give the money back as a refund instead."


def void_never_sent() -> Reason:
    """Return the trouble of a void that Paytm does not know and that may not be sent any more."""
    return Reason(
        code="never_sent",
        message="Paytm never received this void, so nothing was reversed.",
        hint=REFUND_INSTEAD,
    )


def void_too_late() -> Reason:
    """Return the trouble of a void that never left before its time was over."""
    return Reason(
        code="void_too_late",
        message="The time to void this sale was over before the void could be sent, so nothing was reversed.",
        hint=REFUND_INSTEAD,
    )


def void_unanswered() -> Reason:
    """Return the trouble of a void that nobody has answered at the machine in time."""
    return Reason(
        code="void_unanswered",
        message="Nobody answered this void on the machine, and the time to void the sale is over.",
        hint=(
            "Look at the machine's slip and the Paytm dashboard. If the sale still stands there, "
            "give the money back as a refund instead. We keep asking."
        ),
    )


def void_given_up() -> Reason:
    """Return the trouble of a void that two people gave up for a refund."""
    return Reason(
        code="void_given_up",
        message="Paytm still had no answer from the machine after the time to void was over, so it was given up.",
        hint="The money goes back as a refund. We go on asking about the void for three days.",
    )
