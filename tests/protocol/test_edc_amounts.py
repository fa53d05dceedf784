"""The amount on the wire is the amount due, to the paisa."""

import json

import msgspec

from galla.money import parse_paise
from galla.protocol.edc import SaleRequest, StatusReply
from tests.protocol.edc_samples import AT, KEY, PAID, SALE, STATUS


def test_every_amount_to_ten_thousand_rupees_is_sent_exactly() -> None:
    """Every amount from 1 to 1,000,000 paise goes through the real body and its JSON, and back."""
    whole = msgspec.structs.asdict(SALE)
    encode, decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode
    for amount_paise in range(1, 1_000_001):
        whole["transaction_amount"] = str(amount_paise)
        sent = decode(encode(SaleRequest(**whole).body()))
        if parse_paise(sent["transactionAmount"]) != amount_paise:
            raise AssertionError(f"{amount_paise} paise were sent as {sent['transactionAmount']}.")


def test_signed_amounts_survive_the_whole_conversation() -> None:
    """A spread of amounts up to twelve digits is signed, sent, read, answered and read back unchanged."""
    spread = [*range(1, 300), *range(99_900, 100_100), 999_999, *(10**power - 1 for power in range(6, 13))]
    for amount_paise in spread:
        request = msgspec.structs.replace(SALE, transaction_amount=str(amount_paise)).encode(KEY)
        assert json.loads(request.body)["body"]["transactionAmount"] == str(amount_paise)
        received = SaleRequest.parse(request, KEY)
        answer = StatusReply(transaction_amount=received.transaction_amount, result=PAID).encode(AT, key=KEY)
        assert parse_paise(STATUS.parse_reply(answer, KEY).transaction_amount or "") == amount_paise
