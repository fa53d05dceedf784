"""`galla connectors`: what is installed and what each can do."""

from __future__ import annotations

import json

import pytest

from galla.cli import main
from galla.connectors.registry import own


def test_connectors_are_shown_as_a_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    """Each of galla's own connectors has its line, with a word for each thing it can do."""
    assert main(["connectors"]) == 0
    lines = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert lines["paytm-edc"] == [
        "paytm-edc", "edc", "INR", "paise", "text", "no", "yes", "yes", "yes", "₹9,99,99,99,999.99", "no", "limit"
    ]  # fmt: skip
    assert lines["paytm-upi"][1:4] == ["upi_collect,", "upi_intent,", "upi_qr"]
    assert lines["paytm-upi"][-9:] == ["rupees", "text", "yes", "no", "yes", "no", "₹5,00,000.00", "15", "min"]


def test_connectors_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The same for machines: amounts in paise, times in seconds."""
    assert main(["connectors", "--json"]) == 0
    found = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    names = [connector.capabilities.name for connector in own()]
    assert list(found)[: len(names)] == names
    assert (found["paytm-upi"]["expires_s"], found["paytm-upi"]["max_amount"]) == (900, 50_000_000)
    assert (found["paytm-edc"]["needs_terminal"], found["paytm-edc"]["can_refund"]) == (True, True)
