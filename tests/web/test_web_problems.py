"""Every refusal is problem+json with its own code, on the right status, naming the field at fault."""

import ast
from pathlib import Path
from typing import Any

import httpx2
import pytest

from galla import errors
from galla.web.problem import STATUS, TITLES, Problem, from_error
from tests.web.shop import FIRST, SECOND, Shop, open_shop

SALE: dict[str, Any] = {"amount": 5000, "method": "edc", "terminal": FIRST, "reference": "INV-1"}


def check_problem(answer: httpx2.Response, status: int, code: str, param: str | None = None) -> None:
    """Compare an answer with the problem it must be."""
    said = answer.json()
    assert (status, code) == (answer.status_code, said["code"]), said
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(said)
    assert said["status"] == status
    assert said["type"] == f"/docs#{code}"
    assert said["request_id"] == answer.headers["x-request-id"]
    assert said["detail"].endswith((".", "…"))
    assert param == said.get("param")


REFUSED: list[tuple[dict[str, Any], str, str | None]] = [
    ({**SALE, "amount": "5000"}, "invalid_field", "amount"),
    ({**SALE, "amount": 50.0}, "invalid_field", "amount"),
    ({**SALE, "amount": True}, "invalid_field", "amount"),
    ({**SALE, "amount": None}, "invalid_field", "amount"),
    ({**SALE, "amount": 0}, "invalid_field", "amount"),
    ({**SALE, "amount": -1}, "invalid_field", "amount"),
    ({**SALE, "amount": 10**12}, "invalid_field", "amount"),
    ({**SALE, "amount": 2**53 + 1}, "invalid_field", "amount"),
    ({key: SALE[key] for key in SALE if key != "amount"}, "missing_field", "amount"),
    ({**SALE, "amonut": 1}, "unknown_field", "amonut"),
    ({**SALE, "customer": {"name": "A", "age": 3}}, "unknown_field", "customer.age"),
    ({**SALE, "customer": ["A"]}, "invalid_field", "customer"),
    ({**SALE, "method": ""}, "invalid_field", "method"),
    ({**SALE, "accept": "gold"}, "invalid_field", "accept"),
    ({**SALE, "metadata": {"a": 1}}, "invalid_field", "metadata.a"),
    ({**SALE, "metadata": {str(number): "x" for number in range(21)}}, "invalid_field", "metadata"),
    ({**SALE, "allow_parallel": "yes"}, "invalid_field", "allow_parallel"),
    ({**SALE, "reference": "x" * 65}, "invalid_field", "reference"),
    ({**SALE, "description": "4111 1111 1111 1111"}, "invalid_field", "description"),
]


async def test_each_wrong_field_is_named(small_shop: Shop) -> None:
    """A body that breaks a rule is answered 422 with the rule's code and the field."""
    async with small_shop.client() as client:
        for body, code, param in REFUSED:
            answer = await client.post("/v1/payments", json=body)
            check_problem(answer, 422, code, param)
        assert (await client.get("/v1/payments")).json()["data"] == []


async def test_lines_are_named_by_their_place(small_shop: Shop) -> None:
    """A fault in a bill's line names the line, whoever found it."""
    line = {"description": "Cream", "quantity": 1, "unit_amount": 100}
    async with small_shop.client() as client:
        edge = await client.post("/v1/bills", json={"lines": [line, {**line, "quantity": 0}]})
        deeper = await client.post("/v1/bills", json={"lines": [line, {**line, "tax_rate": "x"}]})
        none = await client.post("/v1/bills", json={"lines": []})
        twice = [await client.post("/v1/bills", json={"number": "N-1", "lines": [line] * count}) for count in (1, 2, 1)]
    check_problem(edge, 422, "invalid_field", "lines[1].quantity")
    check_problem(deeper, 422, "invalid_field", "lines[1].tax_rate")
    check_problem(none, 422, "invalid_field", "lines")
    check_problem(twice[1], 409, "bill_exists", "number")
    assert (twice[2].status_code, twice[2].json()["id"]) == (200, twice[0].json()["id"])


async def test_rules_about_money_have_their_codes(shop: Shop) -> None:
    """Busy machine, live reference, too much for the bill, unknown things: each its status, code and blocker."""
    line = {"description": "Cream", "quantity": 1, "unit_amount": 100}
    async with shop.client() as client:
        live = (await client.post("/v1/payments", json=SALE)).json()
        bill = (await client.post("/v1/bills", json={"lines": [line]})).json()
        on_second = {**SALE, "terminal": SECOND}
        for body, status, code, param in (
            ({**SALE, "reference": "INV-2"}, 409, "terminal_busy", "terminal"),
            (on_second, 409, "reference_has_live_payment", "reference"),
            ({**on_second, "bill": bill["id"], "amount": 101}, 422, "amount_exceeds_due", "amount"),
            ({**on_second, "bill": "bill_none"}, 422, "bill_unknown", "bill"),
            ({**on_second, "terminal": "term_none"}, 422, "terminal_unknown", "terminal"),
            ({"amount": 100, "method": "edc"}, 422, "terminal_required", "terminal"),
            ({"amount": 100, "method": "cheque"}, 422, "method_not_offered", "method"),
        ):
            answer = await client.post("/v1/payments", json=body)
            check_problem(answer, status, code, param)
            assert (live["id"] if status == 409 else None) == answer.json().get("blocker")


async def test_what_is_not_there_is_not_found(small_shop: Shop) -> None:
    """Unknown ids and unknown addresses are 404, and so are ids of no shape at all."""
    async with small_shop.client() as client:
        for path in (
            "/v1/payments/pay_none",
            "/v1/payments/%F0%9F%92%B8",
            "/v1/bills/bill_none",
            "/v1/terminals/00000000",
            "/v1/merchants/mer_none",
            "/v1/none",
            "/none",
            "/static/none.css",
        ):
            check_problem(await client.get(path), 404, "not_found")
        check_problem(await client.post("/v1/payments/pay_none/check"), 404, "not_found")
        check_problem(await client.post("/v1/payments/pay_none/cancel"), 404, "not_found")
        check_problem(await client.delete("/v1/api_keys/key_none"), 404, "not_found")


async def test_an_address_takes_its_methods_only(small_shop: Shop) -> None:
    """Another method is 405 with the allowed ones."""
    async with small_shop.client() as client:
        answer = await client.put("/v1/payments", json={})
        check_problem(answer, 405, "method_not_allowed")
        assert {"GET", "POST"} & set(answer.headers["allow"].replace(" ", "").split(","))
        for method in ("DELETE", "PATCH", "TRACE"):
            check_problem(await client.request(method, "/v1/payments"), 405, "method_not_allowed")


async def test_queries_are_read_as_strictly(small_shop: Shop) -> None:
    """Unknown names, values out of range and instants that are none are refused by name."""
    async with small_shop.client() as client:
        for query, code, param in (
            ("limit=0", "invalid_field", "limit"),
            ("limit=201", "invalid_field", "limit"),
            ("limit=ten", "invalid_field", "limit"),
            ("colour=red", "unknown_field", "colour"),
            ("status=done", "invalid_field", "status"),
            ("created_after=yesterday", "invalid_field", "created_after"),
            ("created_after=0001-01-01", "invalid_field", "created_after"),
            ("created_before=2026-02-30", "invalid_field", "created_before"),
            ("cursor=%27%3B--", "invalid_field", "cursor"),
        ):
            check_problem(await client.get(f"/v1/payments?{query}"), 422, code, param)
        assert (await client.get("/v1/payments?created_after=2026-01-01&limit=200")).status_code == 200
        check_problem(await client.post("/v1/payments?wait=26", json=SALE), 422, "invalid_field", "wait")
        check_problem(await client.get("/v1/ledger/trial_balance?on=2026-13-01"), 422, "invalid_field", "on")
        check_problem(await client.get("/v1/events?cursor=x"), 422, "invalid_field", "cursor")


async def test_asking_too_often_says_when(database_url: str) -> None:
    """Two checks in the same instant: one is told to wait, with `Retry-After`."""
    async with open_shop(database_url, ladder_scale=1.0) as shop, shop.client() as client:
        started = (await client.post("/v1/payments", json=SALE)).json()
        answers = [await client.post(f"/v1/payments/{started['id']}/check") for _ in range(4)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    check_problem(refused[0], 429, "too_many_requests")
    assert int(refused[0].headers["retry-after"]) >= 1


def test_each_error_has_its_status() -> None:
    """Every class that callers can cause has a status; machinery stays 500 and says nothing of itself."""
    assert from_error(errors.LedgerError("the secret balance")).status == 500
    assert "secret" not in from_error(errors.LedgerError("the secret balance")).detail
    assert from_error(errors.Unavailable("host=10.0.0.1 is down")).status == 503
    assert "10.0.0.1" not in from_error(errors.Unavailable("host=10.0.0.1 is down")).detail
    assert from_error(errors.TooSoon("Wait.", retry_after_s=7)).headers == {"Retry-After": "7"}
    for kind in STATUS:
        if issubclass(kind, errors.PaymentError) and kind is not errors.TooSoon:
            assert kind.code in TITLES or kind is errors.PaymentError


@pytest.mark.parametrize("code", sorted(TITLES))
def test_each_code_has_a_sentence(code: str) -> None:
    """A code's title is a sentence."""
    said = Problem(400, code, "x").body("req_1")
    assert said["title"].endswith(".")


def test_each_code_the_service_gives_is_documented() -> None:
    """Whatever code a refusal carries below, /docs and the OpenAPI document have its sentence."""
    kinds = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
    refusals = {name for name, kind in kinds.items() if issubclass(kind, errors.PaymentError)}
    given = set()
    for path in Path(errors.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {*refusals, "Problem"}:
                words = [word.value for word in node.keywords if word.arg == "code"]
                words += node.args[1:2] if getattr(node.func, "id", "") == "Problem" else []
                given |= {word.value for word in words if isinstance(word, ast.Constant)}
    assert given - set(TITLES) == set()
