"""What a pretend customer can pay with: five cards that work, one that never does, and a UPI app.

The card numbers are test numbers and only ever leave here masked.
"""

from __future__ import annotations

import msgspec

from galla.errors import InvalidField

TAP_WITHOUT_PIN_PAISE = 500_000  # contactless needs no PIN up to ₹5,000.00 in India


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One card or UPI app, in the words of Paytm's status reply.

    `refusal` is the bank's reason when it never pays; `bank_code` the response code that goes with it.
    """

    code: str
    label: str
    pay_method: str
    scheme: str | None = None
    card_type: str | None = None
    masked: str | None = None
    issuer: str
    issuer_id: str
    aid: str | None = None
    upi_id: str | None = None
    bank_code: str = "00"
    refusal: str | None = None

    @property
    def is_card(self) -> bool:
        """Whether it is presented at the card reader rather than on a phone."""
        return self.masked is not None

    @property
    def last4(self) -> str:
        """The last four digits of the card, or nothing."""
        return self.masked[-4:] if self.masked else ""


CARDS: dict[str, Instrument] = {
    card.code: card
    for card in (
        Instrument(
            code="visa_credit",
            label="Visa credit •••• 1234",
            pay_method="CREDIT_CARD",
            scheme="VISA",
            card_type="CREDIT",
            masked="411111XXXXXX1234",
            issuer="HDFC Bank",
            issuer_id="HDFC",
            aid="A0000000031010",
        ),
        Instrument(
            code="mastercard_debit",
            label="Mastercard debit •••• 4444",
            pay_method="DEBIT_CARD",
            scheme="MASTER",
            card_type="DEBIT",
            masked="555555XXXXXX4444",
            issuer="ICICI Bank",
            issuer_id="ICICI",
            aid="A0000000041010",
        ),
        Instrument(
            code="rupay_debit",
            label="RuPay debit •••• 0026",
            pay_method="DEBIT_CARD",
            scheme="RUPAY",
            card_type="DEBIT",
            masked="607384XXXXXX0026",
            issuer="State Bank of India",
            issuer_id="SBI",
            aid="A0000005241010",
        ),
        Instrument(
            code="rupay_credit",
            label="RuPay credit •••• 7781",
            pay_method="CREDIT_CARD",
            scheme="RUPAY",
            card_type="CREDIT",
            masked="652850XXXXXX7781",
            issuer="Bank of Baroda",
            issuer_id="BOB",
            aid="A0000005241010",
        ),
        Instrument(
            code="amex",
            label="American Express •••• 1005",
            pay_method="CREDIT_CARD",
            scheme="AMEX",
            card_type="CREDIT",
            masked="378282XXXXX1005",
            issuer="American Express",
            issuer_id="AMEX",
            aid="A00000002501",
        ),
        Instrument(
            code="no_funds",
            label="Visa debit •••• 0051, always declined",
            pay_method="DEBIT_CARD",
            scheme="VISA",
            card_type="DEBIT",
            masked="400000XXXXXX0051",
            issuer="Axis Bank",
            issuer_id="AXIS",
            aid="A0000000031010",
            bank_code="51",
            refusal="Insufficient funds",
        ),
    )
}

UPI = Instrument(
    code="upi",
    label="UPI app",
    pay_method="UPI",
    issuer="State Bank of India",
    issuer_id="SBI",
    upi_id="ramesh@oksbi",
)


def find(code: str) -> Instrument:
    """Return the instrument with this code.

    Raises:
        InvalidField: there is none.
    """
    if code == UPI.code:
        return UPI
    if code not in CARDS:
        raise InvalidField(f"There is no card `{code}`; choose one of {', '.join(CARDS)}.", param="card")
    return CARDS[code]
