"""Which passwords are refused, and that a missing user costs as much as a wrong password."""

from __future__ import annotations

import pytest

from galla.errors import InvalidField
from galla.service import password

CONTEXT = ("sunita.rao", "Dr. Sunita Rao", "Sandbox Skin Clinic")


@pytest.mark.parametrize(
    "text",
    [
        "short 7",
        "x" * 129,
        "password",
        "P@ssw0rd!",
        "welcome@123",
        "India2026!!",
        "iloveyou99",
        "qwertyuiop",
        "12345678",
        "87654321",
        "11111111",
        "abcabcabc",
        "abcdefgh",
        "cricketcricket",
        "omsairam108",
        "galla-paytm",
        "sunita1234",
        "SkinClinic26",
        "Rao@galla1",
        "ＰＡＳＳＷＯＲＤ１",
    ],
)
def test_what_anybody_would_try_is_refused(text: str) -> None:
    """Too short, too long, common, a run, or little more than names that others know."""
    with pytest.raises(InvalidField) as refused:
        password.check_new(text, CONTEXT)
    assert refused.value.param == "password"
    assert text == "password" or text not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "four odd words kept",
        "correct horse",
        "गल्ला में सात तोते",
        "sunita-rides-the-yellow-bus",
        "        seven spaces",
        "zK4#vq9!",
        "x1" * 3 + "Qw7ru",
        "b" + "é" * 3 + "9kTTw" * 20,
    ],
)
def test_no_rule_of_composition_stands_in_the_way(text: str) -> None:
    """Long or odd is enough: no digits, capitals or signs are asked for, and any script will do."""
    password.check_new(text, CONTEXT)


async def test_a_password_is_compared_as_typed() -> None:
    """Nothing is trimmed or folded; letters composed differently are the same; nobody's hash fits nothing."""
    kept = await password.hashed(" Caf\u00e9 au lait ")
    assert await password.fits(" Cafe\u0301 au lait ", kept)
    assert not await password.fits("Caf\u00e9 au lait", kept)
    assert not await password.fits(" caf\u00e9 au lait ", kept)
    assert kept != await password.hashed(" Caf\u00e9 au lait ")
    assert not await password.fits("", None)
    assert not await password.fits("x", "no hash at all")


def test_nobodys_hash_costs_what_a_real_one_does() -> None:
    """A name that nobody has is compared with a hash of today's parameters, so that its answer takes as long."""
    assert not password.is_outdated(password._NOBODYS)
