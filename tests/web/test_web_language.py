"""The switch: who sees which language, and that the API knows of none."""

from __future__ import annotations

import pytest

from galla.web.language import chosen
from tests.web.shop import FIRST, Shop
from tests.web.staff import hire, session_of, signed_in

HINDI = {"galla_language": "hi"}


@pytest.mark.parametrize(
    ("cookies", "accepted", "language"),
    [
        ("", "", "en"),
        ("", "hi-IN,hi;q=0.9,en;q=0.8", "hi"),
        ("", "en-IN,en;q=0.9,hi;q=0.8", "en"),
        ("", "ta,hi;q=0.5", "hi"),
        ("", "hi;q=0,en;q=0.1", "en"),
        ("", "hi;q=x,,;", "en"),
        ("galla=abc; galla_language=en", "hi", "en"),
        ("galla_language=hi", "en", "hi"),
        ("galla_language=tlh", "hi", "hi"),
        ('galla_language="hi', "", "en"),
    ],
)
def test_a_browser_gets_its_language(cookies: str, accepted: str, language: str) -> None:
    """What was chosen wins, then what the browser asks for, weighed; anything else is English."""
    assert chosen(cookies, accepted) == language


async def test_one_press_switches_and_comes_back(small_shop: Shop) -> None:
    """The switch answers with a cookie and the page that was open, to somebody signed out too, and never elsewhere."""
    async with signed_in(small_shop, None) as client:
        english = await client.get("/sign-in?next=/shift")
        assert 'lang="en-IN"' in english.text
        assert "हिन्दी</button>" in english.text
        assert 'name="next" value="/sign-in?next=/shift"' in english.text
        answer = await client.post("/language", data={"language": "hi", "next": "/sign-in?next=/shift"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/shift")
        hindi = await client.get("/sign-in?next=/shift")
        for part in ('lang="hi-IN"', "साइन इन करें", "English</button>"):
            assert part in hindi.text
        assert hindi.headers["vary"] == "Cookie, Accept-Language"
        assert hindi.headers["content-language"] == "hi"
        elsewhere = await client.post("/language", data={"language": "xx", "next": "https://evil.example/"})
        assert (elsewhere.headers["location"], "set-cookie" in elsewhere.headers) == ("/counter", False)
        foreign = await client.post("/language", data={"language": "en"}, headers={"Sec-Fetch-Site": "cross-site"})
        assert foreign.status_code == 403


async def test_a_form_that_was_refused_leads_back_to_where_it_stood(small_shop: Shop) -> None:
    """On the answer to a form the switch leads to the page of that form, and the refusal itself is in Hindi."""
    await hire(small_shop, "cashier")
    session = await session_of(small_shop, "cashier")
    async with signed_in(small_shop, session) as client:
        client.cookies.update(HINDI)
        form = {"csrf": session.csrf, "attempt": "a" * 20, "amount": "ten", "terminal": FIRST, "method": "edc"}
        back = {"Referer": f"{small_shop.url}/counter?by=part"}
        refused = await client.post("/counter/push", data=form, headers=back)
        assert refused.status_code == 422
        assert 'name="next" value="/counter?by=part"' in refused.text
        assert "रकम रुपये में लिखें" in refused.text
        lost = await client.get("/payments/pay_none")
        assert (lost.status_code, "नाम का कोई पेमेंट नहीं है" in lost.text) == (404, True)


async def test_the_stream_speaks_as_its_page_does(small_shop: Shop) -> None:
    """The pieces that a page is sent live are in its language."""
    await hire(small_shop, "cashier")
    async with signed_in(small_shop, await session_of(small_shop, "cashier")) as client:
        client.cookies.update(HINDI)
        async with client.stream("GET", "/counter/live") as stream:
            lines: list[str] = []
            async for line in stream.aiter_lines():
                lines.append(line)
                if line == "" and "#strip" in "".join(lines):  # the end of the first drawing
                    break
    drawn = "".join(lines)
    assert "0 का हिसाब बाकी" in drawn
    assert "Unfinished" not in drawn


async def test_the_api_speaks_english(small_shop: Shop) -> None:
    """Whatever the browser is set to, calls are answered in English, with no word about languages."""
    async with small_shop.client() as client:
        answer = await client.get("/v1/payments/pay_none", headers={"Accept-Language": "hi"})
        assert answer.json()["detail"] == "There is no payment pay_none."
        assert "vary" not in answer.headers
