"""Writing a signed sale and reading a signed answer, beside the bare work nobody can avoid."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from hashlib import sha256

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bench import pace
from bench.checksums import BODY, KEY_TEXT
from bench.report import Figure, Part
from galla.protocol.checksum import joined
from galla.protocol.edc import ResultInfo, SaleRequest, StatusReply
from galla.protocol.message import MerchantKey

AT = "2026-01-05 10:20:31"
BUILD_US, READ_US = 60, 40
PAID = StatusReply(
    merchant_transaction_id=BODY["merchantTransactionId"],
    paytm_mid=BODY["paytmMid"],
    paytm_tid=BODY["paytmTid"],
    merchant_reference_no=BODY["merchantReferenceNo"],
    transaction_date_time=BODY["transactionDateTime"],
    transaction_amount=BODY["transactionAmount"],
    acquirement_id="20260105111212800110168000000000001",
    retrieval_reference_no="600512345678",
    auth_code="123456",
    issuer_mask_card_no="411111XXXXXX1234",
    issuing_bank_name="HDFC",
    pay_method="CREDIT_CARD",
    card_type="CREDIT",
    card_scheme="VISA",
    bank_response_code="00",
    bank_response_message="Approved",
    aid="A0000000031010",
    result=ResultInfo(status="SUCCESS", code="S", code_id="0000", message="Paid"),
)


def measure(rounds: int) -> Part:
    """Measure writing and reading."""
    key = MerchantKey(KEY_TEXT)
    reply = PAID.encode(AT, key=key)
    bare = _Bare(reply.body, key)
    assert StatusReply.parse(reply, key).result == PAID.result
    assert bare.read()

    def build() -> object:
        return SaleRequest(
            paytm_mid=BODY["paytmMid"],
            paytm_tid=BODY["paytmTid"],
            merchant_transaction_id=BODY["merchantTransactionId"],
            transaction_date_time=BODY["transactionDateTime"],
            transaction_amount=BODY["transactionAmount"],
            merchant_reference_no=BODY["merchantReferenceNo"],
            channel_id="EDC",
            request_time_stamp=AT,
            payment_mode="ALL",
            display_info={"Customer": "Ramesh Kumar", "Bill": "OPD-4711"},
        ).encode(key)

    build_pace, (build_us, bare_build_us) = pace.beside([build, bare.build], rounds)
    read_pace, (read_us, bare_read_us) = pace.beside([lambda: StatusReply.parse(reply, key), bare.read], rounds)
    return Part(
        title="Messages",
        how=(
            "A sale: every field checked, written, signed. A paid status reply: read, its signature checked, "
            "its fields put right. Bare is only SHA-256, AES and JSON of the same bytes, and checks nothing."
        ),
        figures=[
            pace.at_most("build a signed sale", build_us, BUILD_US, "µs", build_pace),
            Figure(what="build a signed sale: bare", value=f"{bare_build_us:.3g} µs"),
            pace.at_most("read and verify a status reply", read_us, READ_US, "µs", read_pace),
            Figure(what="read and verify a status reply: bare", value=f"{bare_read_us:.3g} µs"),
        ],
    )


class _Bare:
    """The same bytes with nothing but hashlib, AES and JSON."""

    def __init__(self, reply: bytes, key: MerchantKey) -> None:
        self._aes = Cipher(algorithms.AES(KEY_TEXT.encode()), modes.CBC(b"@@@@&&&&####$$$$"))
        self._text = joined(BODY).encode()
        self._body = {**BODY, "displayInfo": {"Customer": "Ramesh Kumar", "Bill": "OPD-4711"}}
        self._reply = reply
        read = msgspec.json.decode(reply)
        self._signature = read["head"]["checksum"]
        self._signed = joined(read["body"]).encode()

    def build(self) -> bytes:
        """Hash, encrypt and write."""
        encryptor = self._aes.encryptor()
        plain = sha256(self._text + b"|abcd").hexdigest().encode() + b"abcd" + b"\x0c" * 12
        checksum = b2a_base64(encryptor.update(plain) + encryptor.finalize(), newline=False).decode()
        head = {"requestTimeStamp": AT, "channelId": "EDC", "checksum": checksum, "version": "3.1"}
        return msgspec.json.encode({"head": head, "body": self._body})

    def read(self) -> bool:
        """Read, decrypt and hash."""
        msgspec.json.decode(self._reply)
        decryptor = self._aes.decryptor()
        plain = decryptor.update(a2b_base64(self._signature)) + decryptor.finalize()
        return sha256(self._signed + b"|" + plain[64:68]).hexdigest().encode() == plain[:64]
