"""What is kept of an exchange with Paytm."""

import pytest

from galla.service.redacted import redacted


@pytest.mark.parametrize("card", ["411111XXXXXX1234", "411111******1234", "4111111111111234", "4111 1111 1111 1234"])
def test_a_card_keeps_its_last_four_digits_alone(card: str) -> None:
    """Of a card number, whole or half masked, in JSON or in text, only the last four digits are written down (I-25)."""
    for body in (f'{{"body":{{"issuerMaskCardNo":"{card}"}}}}', f"<p>{card}</p>"):
        kept = redacted(body.encode())
        assert "1234" in kept
        assert "4111" not in kept
