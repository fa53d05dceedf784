"""The shop's settings: changed whole or not at all, the key written and never read, by its own admin alone."""

from __future__ import annotations

import pytest

from galla.protocol.message import MerchantKey
from tests.web.shop import ADMIN_KEY, Shop
from tests.web.staff import hire, session_of, signed_in

KEY, OTHER_KEY = "abcdefghijklmnop", "ponmlkjihgfedcba"
FORM = {
    "name": "Skin Clinic", "website": "DEFAULT", "client_id": "C11", "channel_id": "EDC", "mcc": "8011",
    "gstin": "27 aapfu 0939f1zv", "upi_limit": "1,00,000", "collect_allowed": "on", "void_cutoff": "00:05",
    "refund_limit": "5000",
}  # fmt: skip


async def second_merchant(shop: Shop) -> str:
    """Add a merchant whose key no setting holds; return its id."""
    async with shop.client() as client:
        body = {"name": "Other", "mid": "OTHER000000000000001", "key": KEY}
        return str((await client.post("/v1/merchants", json=body)).json()["id"])


async def test_a_merchant_is_changed_over_the_api(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Each field that is named changes, the rest stays; the trail holds before and after, and nothing holds the key."""
    merchant = await second_merchant(shop)
    async with shop.client() as client:
        before = (await client.get(f"/v1/merchants/{merchant}")).json()
        body = {"name": "Skin Clinic", "mcc": "8011", "upi_limit": 500_000, "client_id": "C11", "key": OTHER_KEY}
        changed = await client.patch(f"/v1/merchants/{merchant}", json=body)
        away = await client.patch(f"/v1/merchants/{merchant}", json={"mcc": None, "client_id": None})
        for wrong, param in (
            ({"name": None}, None), ({"website": ""}, "website"), ({"mcc": "12"}, "mcc"), ({"key": "short"}, "key"),
            ({"gstin": "27"}, "gstin"), ({"upi_limit": 0}, "upi_limit"),
            ({"collect_allowed": 1}, "collect_allowed"), ({"mid": "X"}, "mid"),
        ):  # fmt: skip
            refused = await client.patch(f"/v1/merchants/{merchant}", json=wrong)
            assert (refused.status_code, refused.json().get("param")) == (422, param), wrong
    assert changed.json() == {**before, **{name: body[name] for name in body if name != "key"}}
    assert (away.json()["mcc"], away.json()["client_id"], away.json()["name"]) == (None, None, "Skin Clinic")
    assert (await shop.till.account(merchant)).key == MerchantKey(OTHER_KEY)
    assert OTHER_KEY not in changed.text + capsys.readouterr().out


async def test_a_key_of_a_setting_is_changed_there(small_shop: Shop) -> None:
    """Where galla takes the key from its settings at each start, the API refuses another and changes nothing at all."""
    merchant = await small_shop.merchant()
    async with small_shop.client() as client:
        body = {"name": "Renamed", "key": OTHER_KEY}
        refused = await client.patch(f"/v1/merchants/{merchant}", json=body)
        after = (await client.get(f"/v1/merchants/{merchant}")).json()
    assert (refused.status_code, refused.json()["param"]) == (422, "key")
    assert "comes from GALLA_PAYTM_KEY" in refused.json()["detail"]
    assert after["name"] != "Renamed"


async def test_the_page_saves_all_or_says_what_is_wrong(small_shop: Shop) -> None:
    """A form with a fault changes nothing and comes back as typed, without the key; a right one is saved whole."""
    merchant = await second_merchant(small_shop)
    await hire(small_shop, "admin", merchant=merchant)
    session = await session_of(small_shop, "admin", merchant=merchant)
    async with signed_in(small_shop, session) as client:
        form = {**FORM, "csrf": session.csrf, "key": OTHER_KEY}
        wrong = await client.post("/settings", data={**form, "refund_limit": "much", "void_cutoff": "24:00"})
        assert wrong.status_code == 422
        assert "Write rupees" in wrong.text
        assert 'value="Skin Clinic"' in wrong.text
        assert OTHER_KEY not in wrong.text
        late = await client.post("/settings", data={**form, "void_cutoff": "24:00"})
        assert "The time must be a time in India such as 00:05." in late.text
        assert (await small_shop.till.account(merchant)).key == MerchantKey(KEY)
        saved = await client.post("/settings", data=form)
        assert (saved.status_code, saved.headers["location"]) == (303, "/settings?saved=1")
        page = (await client.get("/settings")).text
        emptied = {name: text for name, text in form.items() if name not in ("collect_allowed", "key")}
        await client.post("/settings", data={**emptied, "refund_limit": "", "mcc": ""})
        odd = await client.post("/settings", data={**emptied, "gstin": "27AAPFU0939F1ZW"})
        after = (await client.get(f"/v1/merchants/{merchant}")).json()
    assert (odd.status_code, after["gstin"]) == (422, "27AAPFU0939F1ZV")
    assert OTHER_KEY not in page
    assert 'value="5000.00"' in page
    assert (after["refund_limit"], after["mcc"], after["collect_allowed"]) == (None, None, False)
    assert (await small_shop.till.account(merchant)).key == MerchantKey(OTHER_KEY)
    assert ADMIN_KEY not in page
