"""`/setup` makes the first admin, `/welcome` lets somebody choose a password: both by a one-time link."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from galla.errors import NotFound, PaymentError
from galla.service import welcome
from galla.service.roles import ROLES
from galla.web.body import read_form
from galla.web.pages.entry import Faults
from galla.web.pages.page import one, page, private
from galla.web.pages.person_form import PersonForm, faults_about, new_password_of, person_form
from galla.web.pages.sign_in import enter
from galla.web.security import address_of, check_origin, till_of

router = APIRouter(include_in_schema=False)

_LONGEST_TOKEN = 200


@router.get("/setup")
async def show_set_up(request: Request) -> Response:
    """Show the form for the first admin; looking at it uses nothing up."""
    return await _set_up(request, request.query_params.get("token", ""), PersonForm())


@router.post("/setup")
async def set_up(request: Request) -> Response:
    """Make the first admin, and lead on to the people page."""
    check_origin(request)
    fields = read_form(await request.body(), request.headers.get("content-type"))
    token, form, till, address = one(fields, "token"), person_form(fields), till_of(request), address_of(request)
    till.attempts.begin(address)
    try:
        session = await welcome.set_up(till, token[:_LONGEST_TOKEN], form.new_user(new_password_of(fields)), address)
    except NotFound:
        return await _set_up(request, "", form, status=404)
    except Faults as faults:
        return await _set_up(request, token, form, faults, 422)
    except PaymentError as error:
        return await _set_up(request, token, form, faults_about(error), 422)
    till.attempts.passed(address)
    return private(await enter(request, session, "/people"))


@router.get("/welcome")
async def show_welcome(request: Request) -> Response:
    """Show the form for a password; looking at it uses nothing up."""
    return await _welcome(request, request.query_params.get("token", ""))


@router.post("/welcome")
async def choose(request: Request) -> Response:
    """Take the password that somebody chose, and sign them in."""
    check_origin(request)
    fields = read_form(await request.body(), request.headers.get("content-type"))
    token, till, address = one(fields, "token"), till_of(request), address_of(request)
    till.attempts.begin(address)
    try:
        counter = one(fields, "counter")[:40] or None
        session = await welcome.accept(till, token[:_LONGEST_TOKEN], new_password_of(fields), address, counter)
    except NotFound:
        return await _welcome(request, "", status=404)
    except Faults as faults:
        return await _welcome(request, token, faults, 422)
    except PaymentError as error:
        return await _welcome(request, token, faults_about(error), 422)
    till.attempts.passed(address)
    return private(await enter(request, session))


async def _set_up(
    request: Request, token: str, form: PersonForm, faults: Faults | None = None, status: int = 200
) -> Response:
    shop = await welcome.shop_of_set_up(till_of(request), token)
    values = {"token": token, "shop": shop, "form": form, "faults": faults or Faults()}
    return private(page(request, "setup.html", status if shop or status != 200 else 404, **values))


async def _welcome(request: Request, token: str, faults: Faults | None = None, status: int = 200) -> Response:
    user = await welcome.invited(till_of(request), token)
    is_at_counter = user is not None and "collect" in ROLES[user["role"]].scopes
    values = {"token": token, "user": user, "faults": faults or Faults(), "is_at_counter": is_at_counter}
    return private(page(request, "welcome.html", status if user or status != 200 else 404, **values))
