"""The lists that a person has given a name, to come back to them."""

from __future__ import annotations

from sqlalchemy import Connection, Row, delete, func, insert, select

from galla.store.record_tables import saved_views

_v = saved_views.c


def put(connection: Connection, merchant_id: str, person: str, name: str, query: str, at: int) -> None:
    """Keep a list under a name, in place of what the person had under it."""
    remove(connection, merchant_id, person, name)
    row = {"merchant_id": merchant_id, "person": person, "name": name, "query": query, "created_at": at}
    connection.execute(insert(saved_views), row)


def of_person(connection: Connection, merchant_id: str, person: str) -> list[Row[tuple[str, str]]]:
    """Return the names and queries of a person's lists, by name."""
    query = select(_v.name, _v.query).where(_v.merchant_id == merchant_id, _v.person == person)
    return list(connection.execute(query.order_by(_v.name)))


def count(connection: Connection, merchant_id: str, person: str, *, but: str) -> int:
    """Return how many lists a person has, one name left out."""
    query = select(func.count()).where(_v.merchant_id == merchant_id, _v.person == person, _v.name != but)
    return int(connection.execute(query).scalar_one())


def remove(connection: Connection, merchant_id: str, person: str, name: str) -> None:
    """Forget a list, if it is there."""
    connection.execute(delete(saved_views).where(_v.merchant_id == merchant_id, _v.person == person, _v.name == name))
