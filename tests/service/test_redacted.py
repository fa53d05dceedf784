"""What is kept of an exchange with Paytm."""

import json

import pytest

from galla.service.redacted import redacted
from tests.corpus import WHOLE


@pytest.mark.parametrize("card", ["411111XXXXXX1234", "411111******1234", "4111111111111234", "4111 1111 1111 1234"])
def test_a_card_keeps_its_last_four_digits_alone(card: str) -> None:
    """Of a card number, whole or half masked, in JSON or in text, only the last four digits are written down (I-25)."""
    for body in (f'{{"body":{{"issuerMaskCardNo":"{card}"}}}}', f"<p>{card}</p>"):
        kept = redacted(body.encode())
        assert "1234" in kept
        assert "4111" not in kept


def test_what_hides_is_written_out() -> None:
    """Characters that turn a line round, end it or move a terminal are seen in the evidence, not obeyed."""
    for text in (*WHOLE, "zqx\x00nul"):
        for body in (json.dumps({"resultMsg": text}, ensure_ascii=False), f"<h1>{text}</h1>"):
            kept = redacted(body.encode())
            assert [char for char in kept if char != "\n" and not char.isprintable() and char not in " \u00a0"] == []
            assert "zqx" in kept or len(text) > 500
