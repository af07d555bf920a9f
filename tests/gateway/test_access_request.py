"""A customer asks for all that is held about them, and gets it from every store: theirs and nobody else's."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.site import Site, read_sqlite

from sekisho.domain.terms import ColumnType

STORES = {"crm", "pos", "web", "app", "survey", "support"}


def token(site: Site, customer: int) -> dict[str, str]:
    """Return the headers of a customer's call."""
    assert site.workspace.issuer is not None
    return {"Authorization": f"Bearer {site.workspace.issuer.data_subject_token(f'customer_id:{customer}')}"}


async def request(site: Site, customer: int, kind: str = "access") -> dict[str, Any]:
    """Make a request and return what was answered to it at once."""
    response = await site.client.post("/v1/me/requests", json={"kind": kind}, headers=token(site, customer))
    assert response.status_code == 201, response.text
    taken: dict[str, Any] = response.json()
    return taken


async def answer(site: Site, customer: int, kind: str = "access") -> dict[str, Any]:
    """Return the answer to a request that must be answered at once."""
    taken = await request(site, customer, kind)
    assert taken["status"] == "done"
    response = await site.client.get(f"/v1/me/requests/{taken['id']}", headers=token(site, customer))
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()["answer"]
    return found


def kept(site: Site, *customers: int) -> dict[str, list[dict[str, object]]]:
    """Return the rows of *customers*, read past the gateway in the files, with the columns of the catalogue."""
    found = {}
    for name, dataset in site.workspace.settings.catalogue.datasets.items():
        columns = [column.name for column in dataset.columns]
        place = site.folder / "stores" / dataset.store
        wanted = f"{', '.join(columns)} FROM {{}} WHERE customer_id IN ({', '.join(map(str, customers))})"
        if dataset.store in {"crm", "support"}:
            rows = read_sqlite(place.with_suffix(".db"), "SELECT " + wanted.format(dataset.relation))
        elif dataset.store in {"pos", "web"}:
            rows = site.files("SELECT " + wanted.format(f"{{{dataset.store}}}"))
        else:
            rows = [tuple(map(row.get, columns)) for row in lines(place) if row["customer_id"] in customers]
        found[name] = [dict(zip(columns, row, strict=True)) for row in rows]
        for column in dataset.columns:
            if column.type is ColumnType.BOOLEAN:  # SQLite has 0 and 1
                for each in found[name]:
                    each[column.name] = bool(each[column.name])
    return found


def lines(folder: Path) -> list[dict[str, Any]]:
    """Return the objects of all JSON Lines files in *folder*."""
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def in_one_spelling(rows: list[dict[str, object]]) -> list[str]:
    """Return *rows* as sorted texts in which days and instants look alike, whether read in a file or an answer."""

    def spelled(value: object) -> object:
        if isinstance(value, str) and value[4:5] == "-" and len(value) in range(10, 28):
            try:
                value = datetime.fromisoformat(value).replace(tzinfo=None)
            except ValueError:
                return value
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - as in the files
        return value.isoformat() if isinstance(value, datetime) else value

    return sorted(json.dumps({name: spelled(value) for name, value in row.items()}) for row in rows)


def differing(datasets: dict[str, list[dict[str, object]]], wanted: dict[str, list[dict[str, object]]]) -> set[str]:
    """Return the datasets of which an answer does not hold just the rows that are wanted, each once."""
    return {
        name
        for name in datasets.keys() | wanted.keys()
        if name not in datasets or in_one_spelling(datasets[name]) != in_one_spelling(wanted.get(name, []))
    }


@pytest.mark.parametrize("kind", ["access", "portability"])
async def test_the_answer_holds_that_customers_rows_of_every_store(site: Site, kind: str) -> None:
    """Every row and column that the files hold of the customer, the sensitive ones too, and nobody else's."""
    customers = site.customers()
    for customer in (customers[0], customers[17]):
        told = await answer(site, customer, kind)
        assert {name.partition(".")[0] for name in told["datasets"]} == STORES
        assert differing(told["datasets"], kept(site, customer)) == set()
        assert {row["customer_id"] for rows in told["datasets"].values() for row in rows} == {customer}
        assert told["datasets_cut"] == []
        (profile,) = told["datasets"]["crm.customers"]
        assert profile["income_band"]


async def test_every_customer_is_answered_from_every_store(site: Site) -> None:
    """Over all customers, every row of a customer in any store is answered, and answered to one of them."""
    customers = site.customers()
    told: dict[str, list[dict[str, object]]] = {}
    for customer in customers:
        for name, rows in (await answer(site, customer))["datasets"].items():
            told.setdefault(name, []).extend(rows)
    wanted = kept(site, *customers)
    assert all(wanted.values())
    assert differing(told, wanted) == set()


async def test_linked_identifiers_are_one_persons(site: Site) -> None:
    """After a link the answer has the rows of both numbers, each once; after it is undone, those of one again."""
    one, other = site.customers()[3:5]
    ledger = site.workspace.ledger
    await ledger.link(site.number_of(one), site.number_of(other), "requester:consent_desk")
    assert differing((await answer(site, one))["datasets"], kept(site, one, other)) == set()
    await ledger.unlink(site.number_of(one), site.number_of(other), "requester:consent_desk")
    assert differing((await answer(site, one))["datasets"], kept(site, one)) == set()


@pytest.mark.parametrize("gone", ["support.db", "survey"])
async def test_a_store_that_is_away_leaves_the_request_open_and_nothing_told(site: Site, gone: str) -> None:
    """No part is given for the whole and none is recorded as answered; once the store is back, reading answers."""
    customer = site.customers()[2]
    place, aside = site.folder / "stores" / gone, site.folder / "aside"
    place.rename(aside)
    taken = await request(site, customer)
    assert taken["status"] == "received"
    url = f"/v1/me/requests/{taken['id']}"
    refused = await site.client.get(url, headers=token(site, customer))
    assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
    assert str(customer) not in refused.text
    assert await site.records("rights.answer") == []
    aside.rename(place)
    told = (await site.client.get(url, headers=token(site, customer))).json()
    assert told["status"] == "done"
    assert differing(told["answer"]["datasets"], kept(site, customer)) == set()


async def test_the_log_names_the_datasets_and_no_value(site: Site) -> None:
    """The record of an answer names what was answered from, and the person by reference alone."""
    customer = site.customers()[1]
    told = await answer(site, customer)
    (record,) = await site.records("rights.answer")
    assert record["datasets"] == sorted(site.workspace.settings.catalogue.datasets)
    assert record["subjects"]["n"] == 1
    (profile,) = told["datasets"]["crm.customers"]
    log = repr(record)
    for value in (str(customer), profile["name"], profile["email"], profile["phone"]):
        assert value not in log
