"""Webhooks: each committed event reaches each endpoint at least once and in order, or a person is told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from sqlalchemy import Connection

from galla.client.outward import Posted
from galla.errors import IllegalTransition, InvalidField, NotFound, WebhookNotVerified
from galla.service import deliveries, feed, tasks, webhooks
from galla.service.delivering import WAITS_S
from galla.service.webhook_worker import WebhookWorker
from galla.store.journal import Event, Note, record
from galla.webhooks import verify
from tests.service.receiver import DOWN, TAKEN, URL, Receiver
from tests.service.shop import SECOND, Shop, only, open_shop

GONE = Posted(status=410, said="gone")
PAID = ["payment.created", "payment.pending", "payment.paid"]


async def paid(shop: Shop, **more: Any) -> Any:
    """Let a customer pay, and return the payment."""
    payment = await shop.start(**more)
    shop.pay_by_card(tid=more.get("tid", payment["paytm"]["tid"]))
    return await shop.ended(payment)


async def test_f52_the_events_are_the_outbox(database_url: str) -> None:
    """What is committed is sent once, in order, as the feed shows it; what was rolled back is never heard of."""
    async with open_shop(database_url) as shop:
        ear = await Receiver.open(shop)
        before = await feed.last(shop.till, shop.principal)
        payment = await paid(shop)

        def broken(connection: Connection) -> None:
            note = Note(actor="x", origin="test", action="payment.paid", object_id="pay_never")
            happened = Event(type="payment.paid", object_id="pay_never", sequence=1, data="{}")
            record(connection, shop.principal.merchant_id, shop.clock.now(), note, happened)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await shop.till.database.write(broken)
        assert await ear.drain() == 3
        assert ear.heard == PAID
        shown = await feed.page(shop.till, shop.principal, after=before)
        assert [ear.verified(sent) for sent in ear.sent] == shown
        assert ear.sent[-1].event["data"]["id"] == payment["id"]
        assert [sent.event["sequence"] for sent in ear.sent] == [1, 2, 3]
        assert await ear.drain() == 0
        assert {each["status"] for each in await ear.deliveries()} == {"delivered"}


async def test_f52_an_answer_lost_before_the_commit_means_the_same_message_again(database_url: str) -> None:
    """A worker dies after the post: another sends the same id and bytes, a new time; a late word changes nothing."""
    async with open_shop(database_url) as shop:
        ear = await Receiver.open(shop, events=["payment.paid"])
        await paid(shop)
        late, may_end = asyncio.Event(), asyncio.Event()

        async def dying(url: str, headers: Mapping[str, str], body: bytes) -> Posted:
            await ear.hear(url, headers, body)
            late.set()
            await may_end.wait()
            return DOWN

        slow = asyncio.create_task(WebhookWorker(shop.till, dying).drain_due())
        await late.wait()
        assert await ear.drain() == 0, "a claim holds it"
        shop.clock.advance(25)
        assert await ear.drain() == 1
        first, second = ear.sent
        assert (first.id, first.body) == (second.id, second.body)
        assert int(second.headers["webhook-timestamp"]) == int(first.headers["webhook-timestamp"]) + 25
        may_end.set()
        await slow
        delivery = only(await ear.deliveries())
        assert (delivery["status"], delivery["attempts"], delivery["answer_status"]) == ("delivered", 1, 204)


async def test_f52_a_later_event_of_a_payment_never_leaves_before_an_earlier_one(database_url: str) -> None:
    """While the first event of a payment is not taken its others wait; another payment's go their way."""
    async with open_shop(database_url) as shop:
        ear = await Receiver.open(shop, events=["payment.*"])
        held = await paid(shop)
        ear.answers["payment.created"] = Posted(status=500, said="not now")
        assert await ear.drain() == 1
        ear.answers.clear()
        other = await paid(shop, tid=SECOND)
        assert await ear.drain() == 3
        assert {sent.event["data"]["id"] for sent in ear.sent[1:]} == {other["id"]}
        while await ear.next_try() is not None:
            pass
        assert [s.event["type"] for s in ear.sent if s.event["data"]["id"] == held["id"]] == [PAID[0], *PAID]
        last = only([each for each in await ear.deliveries() if each["id"] == ear.sent[0].id])
        assert (last["status"], last["attempts"]) == ("delivered", 2)


async def test_f53_an_endpoint_that_is_gone_is_switched_off_for_a_person(database_url: str) -> None:
    """410: nothing more is sent and a task says so; switched on again it gets all that happened meanwhile, in order."""
    async with open_shop(database_url) as shop:
        ear = await Receiver.open(shop, events=["payment.*"])
        ear.answer = GONE
        await paid(shop)
        assert await ear.drain() == 1
        endpoint = await ear.endpoint()
        assert (endpoint["is_enabled"], endpoint["disabled_reason"], endpoint["waiting"]) == (False, "gone", 3)
        task = only((await tasks.find(shop.till, shop.principal, {"status": "open"}))["data"])
        assert (task["kind"], task["webhook_endpoint"], task["payment"]) == ("webhook_gone", ear.id, None)
        await paid(shop, tid=SECOND)
        shop.clock.advance(200_000)
        assert await ear.drain() == 0
        with pytest.raises(IllegalTransition):
            await webhooks.test(shop.till, shop.principal, ear.id)
        ear.answer = TAKEN
        await webhooks.update(shop.till, shop.principal, ear.id, is_enabled=True)
        assert await ear.drain() == 6
        assert ear.heard == [PAID[0], PAID[0], PAID[0], PAID[1], PAID[1], PAID[2], PAID[2]]
        assert (await tasks.find(shop.till, shop.principal, {"status": "open"}))["data"] == []


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500])
async def test_f53_only_2xx_is_an_answer_that_counts(fresh_sqlite_url: str, status: int) -> None:
    """A redirect, a refusal, a failure: the same event comes again after five seconds."""
    async with open_shop(fresh_sqlite_url) as shop:
        ear = await Receiver.open(shop, events=["payment.created"])
        ear.answer = Posted(status=status, said="card 4111 1111 1111 1111", retry_after="99999")
        await shop.start()
        await ear.drain()
        delivery = only(await ear.deliveries())
        assert (delivery["status"], delivery["answer_status"]) == ("waiting", status)
        assert "4111 1111" not in delivery["answer"]
        ear.answer = TAKEN
        assert 5.0 <= (await ear.next_try() or 0) <= 5.5
        assert (ear.sent[0].id, ear.sent[0].body) == (ear.sent[1].id, ear.sent[1].body)


@pytest.mark.parametrize("status", [429, 503])
async def test_f53_retry_after_is_honoured(fresh_sqlite_url: str, status: int) -> None:
    """In seconds or as a date the receiver's wish counts, up to a day; what cannot be read, or is sooner, does not."""
    async with open_shop(fresh_sqlite_url) as shop:
        ear = await Receiver.open(shop, events=["payment.created"])
        await shop.start()
        wishes = ["1000", format_datetime(shop.clock.now() + timedelta(hours=2)), "9999999", "soon", "1"]
        answers = [Posted(status=status, said="", retry_after=wish) for wish in wishes]
        waits = []
        ear.answer = answers[0]
        await ear.drain()
        for answer in [*answers[1:], TAKEN]:
            ear.answer = answer
            waits.append(await ear.next_try())
        assert waits[0] == pytest.approx(1000, abs=1)
        assert waits[1] == pytest.approx(7200 - 1000, abs=2)
        assert waits[2] == pytest.approx(86_400, abs=1)
        assert 7200 <= (waits[3] or 0) <= 7200 * 1.1
        assert 18_000 <= (waits[4] or 0) <= 18_000 * 1.1


async def test_f53_a_receiver_down_for_days_loses_nothing(database_url: str) -> None:
    """Ten tries over three days by the ladder, then a task; sent again once it is up, the event still arrives."""
    async with open_shop(database_url) as shop:
        ear = await Receiver.open(shop, events=["payment.created", "payment.paid"])
        ear.answer = DOWN
        await paid(shop)
        await ear.drain()
        waits = [await ear.next_try() for _ in WAITS_S]
        assert all(rung <= (wait or 0) <= rung * 1.1 for rung, wait in zip(WAITS_S, waits, strict=True)), waits
        assert sum(WAITS_S) > 3 * 86_400
        dead = only(await ear.deliveries("failed"))
        assert (dead["type"], dead["attempts"], dead["next_try_at"]) == ("payment.created", 10, None)
        assert ear.heard == ["payment.created"] * 10 + ["payment.paid"], "the next one has its turn then"
        task = only((await tasks.find(shop.till, shop.principal, {"status": "open"}))["data"])
        assert task["kind"] == "webhook_failed"
        ear.answer = TAKEN
        early = shop.clock.now() + timedelta(hours=1)
        assert await deliveries.replay_failed(shop.till, shop.principal, ear.id, since=early) == 0
        assert await deliveries.replay_failed(shop.till, shop.principal, ear.id) == 1
        await ear.drain()
        assert ear.heard[-2:] == ["payment.created", "payment.paid"], "the later one waits for it again"
        assert {ear.sent[0].id} == {sent.id for sent in ear.sent if sent.event["type"] == "payment.created"}
        assert (await tasks.find(shop.till, shop.principal, {"status": "open"}))["data"] == []


async def test_two_secrets_sign_while_one_is_replaced(database_url: str) -> None:
    """For a day both the new secret and the one before fit; then only the new one does. None is shown again."""
    async with open_shop(database_url) as shop:
        ear = await Receiver.open(shop, events=["payment.created"])
        old = ear.secret
        ear.secret = (await webhooks.rotate(shop.till, shop.principal, ear.id))["secret"]
        assert old != ear.secret
        shown = str(await ear.endpoint())
        assert old not in shown
        assert ear.secret not in shown
        await shop.start()
        await ear.drain()
        assert len(ear.sent[0].headers["webhook-signature"].split()) == 2
        for secret in (old, ear.secret):
            assert verify(ear.sent[0].body, ear.sent[0].headers, secret, now=shop.clock.now())
        shop.clock.advance(86_401)
        await shop.start(tid=SECOND)
        await ear.drain()
        assert ear.verified(ear.sent[1])
        with pytest.raises(WebhookNotVerified):
            verify(ear.sent[1].body, ear.sent[1].headers, old, now=shop.clock.now())


async def test_what_was_taken_can_be_sent_again(database_url: str) -> None:
    """A replay has the same id and bytes; what waits for a later try goes at once; another's are not found."""
    async with open_shop(database_url) as shop:
        ear = await Receiver.open(shop, events=["payment.created"])
        await shop.start()
        await ear.drain()
        again = await deliveries.replay(shop.till, shop.principal, ear.sent[0].id)
        assert (again["status"], again["attempts"]) == ("waiting", 0)
        ear.answer = DOWN
        await ear.drain()
        shop.clock.advance(10)
        await ear.drain()
        assert [sent.id for sent in ear.sent] == [ear.sent[0].id] * 3
        assert len({sent.body for sent in ear.sent}) == 1
        ear.answer = TAKEN
        await deliveries.replay(shop.till, shop.principal, ear.sent[0].id)
        assert await ear.drain() == 1
        with pytest.raises(NotFound):
            await deliveries.replay(shop.till, shop.principal, "dlv_none")


async def test_f53_a_slow_receiver_delays_no_other(database_url: str) -> None:
    """One endpoint hangs with all its hands full: the other hears everything meanwhile, from a running worker."""
    async with open_shop(database_url) as shop:
        slow = await Receiver.open(shop, "https://slow.example/hook", events=["payment.*"])
        quick = await Receiver.open(shop, events=["payment.*"])
        may_end, heard = asyncio.Event(), asyncio.Event()

        async def send(url: str, headers: Mapping[str, str], body: bytes) -> Posted:
            if url != URL:
                await slow.hear(url, headers, body)
                await may_end.wait()
                return TAKEN
            posted = await quick.hear(url, headers, body)
            if quick.heard.count("payment.paid") == 2:
                heard.set()
            return posted

        stop = asyncio.Event()
        working = asyncio.create_task(WebhookWorker(shop.till, send).run(stop))
        await paid(shop)
        await paid(shop, tid=SECOND)
        shop.till.bell.ring()
        async with asyncio.timeout(20):
            await heard.wait()
        assert slow.heard == ["payment.created"] * len(slow.heard)
        stop.set()
        may_end.set()
        await working
        assert len(quick.sent) == 6
        assert len({sent.id for sent in slow.sent}) == len(slow.sent)


async def test_f53_two_workers_send_nothing_twice(database_url: str) -> None:
    """Workers that look at the same instant share the deliveries out, and each message is sent once, in its order."""
    async with open_shop(database_url) as shop:
        ear = await Receiver.open(shop, events=["payment.*"])
        for _ in range(4):
            await paid(shop)

        async def slowly(url: str, headers: Mapping[str, str], body: bytes) -> Posted:
            await asyncio.sleep(0.01)
            return await ear.hear(url, headers, body)

        workers = [WebhookWorker(shop.till, slowly) for _ in range(3)]
        assert sum(await asyncio.gather(*(worker.drain_due() for worker in workers))) == 12
        assert len({sent.id for sent in ear.sent}) == 12
        for payment in {sent.event["data"]["id"] for sent in ear.sent}:
            assert [s.event["sequence"] for s in ear.sent if s.event["data"]["id"] == payment] == [1, 2, 3]


async def test_an_endpoint_hears_what_it_asked_for(database_url: str) -> None:
    """Kinds narrow it, a test reaches the one that was tested, and a new endpoint hears nothing of the past."""
    async with open_shop(database_url) as shop:
        ear = await Receiver.open(shop, events=["payment.paid"], description="Billing")
        other = await Receiver.open(shop, "https://other.example/", events=["task.*"])
        await paid(shop)
        await webhooks.test(shop.till, shop.principal, ear.id)
        late = await Receiver.open(shop, "https://late.example/")
        everything = Receiver(shop, {"id": "all", "secret": ""})
        await everything.drain()
        assert [(sent.url, sent.event["type"]) for sent in everything.sent] == [
            (URL, "payment.paid"),
            (URL, "webhook.tested"),
        ]
        assert (await other.deliveries(), await late.deliveries()) == ([], [])
        await webhooks.remove(shop.till, shop.principal, ear.id)
        with pytest.raises(NotFound):
            await ear.deliveries()


async def test_what_cannot_be_an_endpoint_is_refused(fresh_sqlite_url: str) -> None:
    """The field at fault is named: the address, a kind of event that never happens, hours of overlap, one too many."""
    async with open_shop(fresh_sqlite_url) as shop:
        ear = await Receiver.open(shop)
        wrong: list[tuple[Any, str]] = [
            (webhooks.create(shop.till, shop.principal, "http://billing.example/"), "url"),
            (webhooks.update(shop.till, shop.principal, ear.id, url="https://10.0.0.1/"), "url"),
            (webhooks.create(shop.till, shop.principal, URL, events=["payment.payed"]), "events"),
            (webhooks.rotate(shop.till, shop.principal, ear.id, overlap_h=1000), "overlap_h"),
            (deliveries.find(shop.till, shop.principal, ear.id, status="lost"), "status"),
            (deliveries.find(shop.till, shop.principal, ear.id, cursor="x"), "cursor"),
        ]
        for asked, param in wrong:
            with pytest.raises(InvalidField) as refusal:
                await asked
            assert refusal.value.param == param
        for _ in range(webhooks.MOST - 1):
            await webhooks.create(shop.till, shop.principal, URL)
        with pytest.raises(InvalidField, match="already"):
            await webhooks.create(shop.till, shop.principal, URL)
