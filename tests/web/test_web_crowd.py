"""Too much at once: who does not get in is told so, before any of it is done, and everybody else is served."""

import asyncio
from typing import Any

import httpx2

from galla.clock import ManualClock
from galla.protocol.message import Request, Response
from galla.sandbox.sandbox import DEMO_TIDS
from galla.service import payments
from galla.web.app import make_app
from tests.till import API_KEY, open_counter


async def test_one_more_than_can_be_done_is_sent_away_with_nothing_written(
    database_url: str, manual_clock: ManualClock
) -> None:
    """With two starts on their way a third hears 503 and when to come again; reading goes on; then it is taken."""
    counter = await open_counter(database_url, manual_clock)
    till, answers = counter.till, asyncio.Event()
    asked = asyncio.Semaphore(0)

    async def slow(request: Request, _: float) -> Response:
        asked.release()
        await answers.wait()
        return await counter.sandbox.ahandle(request)

    till.carry = slow
    app = make_app(till, run_worker=False, at_once=2)
    headers = {"Authorization": f"Bearer {API_KEY}"}
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://galla", headers=headers) as client:

        async def start(number: int) -> Any:
            way = {"method": "edc", "terminal": DEMO_TIDS[number]} if number < 2 else {"method": "cash"}
            return await client.post("/v1/payments", json={"amount": 1_000, "reference": f"R{number}", **way})

        first = [asyncio.create_task(start(number)) for number in range(2)]
        for _ in first:
            await asked.acquire()
        refused = await start(2)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == "unavailable"
        page = await client.post("/sign-in", data={"name": "rao"}, headers={"Accept": "text/html"})
        assert (page.status_code, "Nothing of this request was done" in page.text) == (503, True)
        listed = await client.get("/v1/payments")
        assert [each["reference"] for each in listed.json()["data"]] in (["R1", "R0"], ["R0", "R1"])
        answers.set()
        assert {(await each).status_code for each in first} == {201}
        assert (await start(2)).status_code == 201
        assert len((await payments.find(till, counter.principal, {}))["data"]) == 3
    await till.close()
