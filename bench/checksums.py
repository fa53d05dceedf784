"""Signing and verifying, beside Paytm's own library, in both of its forms."""

from __future__ import annotations

from paytmchecksum import PaytmChecksum  # type: ignore[import-untyped]

from bench.report import Figure, Part, at_least, compared_us
from galla.protocol.checksum import joined, sign, verify
from galla.protocol.message import MerchantKey

KEY_TEXT = "bench_demo_key16"
BODY = {
    "paytmMid": "TESTMID0000000000001",
    "paytmTid": "12345678",
    "transactionDateTime": "2026-01-05 10:20:30",
    "merchantTransactionId": "SB01J0000000000000000000000A",
    "merchantReferenceNo": "OPD-4711",
    "transactionAmount": "250000",
}
TARGET = 4


def measure(rounds: int) -> Part:
    """Measure all four, each pair taking turns."""
    key = MerchantKey(KEY_TEXT)
    text = joined(BODY)
    signature = sign(text, key)
    assert PaytmChecksum.verifySignature(dict(BODY), KEY_TEXT, signature)
    assert verify(text, PaytmChecksum.generateSignature(text, KEY_TEXT), key)
    pairs = {
        "sign fields": (
            lambda: PaytmChecksum.generateSignature(BODY, KEY_TEXT),
            lambda: sign(joined(BODY), key),
        ),
        "verify fields": (
            lambda: PaytmChecksum.verifySignature(BODY, KEY_TEXT, signature),
            lambda: verify(joined(BODY), signature, key),
        ),
        "sign a text": (
            lambda: PaytmChecksum.generateSignature(text, KEY_TEXT),
            lambda: sign(text, key),
        ),
        "verify a text": (
            lambda: PaytmChecksum.verifySignature(text, KEY_TEXT, signature),
            lambda: verify(text, signature, key),
        ),
    }
    figures: list[Figure] = []
    for name, (theirs, ours) in pairs.items():
        theirs_us, ours_us, ratio = compared_us(theirs, ours, rounds)
        figures.append(Figure(what=f"{name}: paytmchecksum", value=f"{theirs_us:.3g} µs"))
        figures.append(Figure(what=f"{name}: galla", value=f"{ours_us:.3g} µs"))
        figures.append(at_least(f"{name}: ratio", ratio, TARGET, "×"))
    return Part(
        title="Checksums",
        how="Six fields of a card machine sale, or the text made of them. The two libraries take turns.",
        figures=figures,
    )
