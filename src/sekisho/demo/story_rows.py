"""Parts 1 to 4: who gets rows, for what, and what a withdrawal does."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sekisho.demo.builder import SEED
from sekisho.demo.consents import consent_history
from sekisho.demo.scene import IDENTIFIER, Expectation, Grid, Part, Reply, Scene, share, short, shown
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.terms import Cell
from sekisho.http.services import ConsentEventRequest, ConsentQuestion
from sekisho.ports import AuditQuery, DataSubjectRef

PURCHASES = Cell("recommendation/data_category=purchase")
_LINES = "SELECT customer_id, invoice, description, quantity, invoiced_at, unit_price, country FROM {}"
_ENOUGH_LINES = 40  # the customer of part 4 has at least so many, so that it shows
_PSEUDONYM = r"^[0-9a-f]{32}$"


async def only_those_who_agreed(scene: Scene) -> Part:
    """Part 1: purchases for recommendations, of people who agreed to that use of purchases."""
    reply = await scene.ask("recommender", "recommendation", _LINES.format(scene.order_lines))
    agreeing = await scene.agreeing(PURCHASES)
    lines, nobodys, customers = scene.files.one(
        "SELECT count(*), count(*) FILTER (customer_id IS NULL), count(DISTINCT customer_id) FROM pos.order_lines"
    )
    due_lines, due_people = scene.files.one(
        "SELECT count(*), count(DISTINCT customer_id) FROM pos.order_lines "
        "WHERE customer_id IN (SELECT customer_id FROM people)",
        people=agreeing,
    )
    names = reply.table.column("customer_id") if not reply.refused else pa.chunked_array([[]], pa.string())
    people = pc.count_distinct(names).as_py()
    rows = reply.table.num_rows
    pseudonymous = names.null_count == 0 and pc.all(pc.match_substring_regex(names, _PSEUDONYM)).as_py() is not False
    return Part(
        1,
        "同意した人だけ",
        "Only those who agreed",
        asked=f"recommender, for recommendation: SELECT customer_id, invoice, … FROM {scene.order_lines}",
        lines=(
            (
                f"It got {rows:,} of {lines:,} order lines ({share(rows, lines)}), of {people:,} of {customers:,} "
                f"customers, in {reply.seconds:.1f} s."
            ),
            f"None of the {nobodys:,} lines whose customer nobody knows: no consent covers them.",
            "Customers are pseudonyms and invoices tokens, made for this requester and purpose alone.",
        ),
        grids=(_sample(reply),),
        facts={
            "rows": rows,
            "rows_in_store": lines,
            "people": people,
            "people_in_store": customers,
            "nobodys_lines_in_store": nobodys,
            "nobodys_lines_released": names.null_count,
            "release_id": reply.release_id,
            "audit_seq": reply.audit_seq,
            "seconds": round(reply.seconds, 3),
        },
        expectations=(
            Expectation("rows were released", rows > 0),
            Expectation("exactly the lines of those who agree, by the ledger and the files", rows == due_lines),
            Expectation("exactly those people", people == due_people),
            Expectation("fewer than all: some did not agree", 0 < people < customers),
            Expectation("none of nobody's lines, and pseudonyms only", pseudonymous),
        ),
    )


async def not_for_this_purpose(scene: Scene) -> Part:
    """Part 2: the same rows for a purpose that the requester is not registered for."""
    began = scene.workspace.clock.now()
    reply = await scene.ask("recommender", "targeted_advertising", _LINES.format(scene.order_lines))
    records = await scene.workspace.audit.search(
        AuditQuery(since=began - timedelta(seconds=1), requester="recommender", decision="deny", limit=1_000)
    )
    recorded = [record for record in records if record.get("code") == "purpose_not_registered"]
    registered = sorted(
        requester.name
        for requester in scene.workspace.settings.catalogue.requesters.values()
        if "targeted_advertising" in requester.purposes
    )
    return Part(
        2,
        "目的が違えば渡さない",
        "Not for another purpose",
        asked="recommender, for targeted_advertising: the same statement",
        lines=(
            f"Refused: {reply.code}. {reply.detail}",
            f"Registered for it: {', '.join(registered)}. Purposes come from the registration, never from a request.",
            "The refusal is on record, too.",
        ),
        facts={"code": reply.code, "detail": reply.detail, "rows": reply.table.num_rows, "registered": registered},
        expectations=(
            Expectation("refused as purpose_not_registered", reply.code == "purpose_not_registered"),
            Expectation("no row", reply.table.num_rows == 0),
            Expectation("the refusal is in the audit log", bool(recorded)),
        ),
    )


async def masked_means_masked(scene: Scene) -> Part:
    """Part 3: what an analyst sees of a profile, and what becomes of attempts to see more."""
    columns = "customer_id, name, email, birth_date, postal_code, income_band, member_rank"
    seen = await scene.ask("analyst", "churn_prediction", f"SELECT {columns} FROM crm.customers")
    like = await _attempt(scene, "SELECT customer_id FROM crm.customers WHERE email LIKE '%@example.jp'")
    cast = await _attempt(scene, "SELECT customer_id FROM crm.customers WHERE CAST(name AS INTEGER) = 1")
    ordered = await _attempt(scene, "SELECT customer_id, birth_date FROM crm.customers ORDER BY birth_date")
    years = [] if ordered.refused else ordered.table.column("birth_date").to_pylist()
    harmless = all(isinstance(year, int) and 1900 < year < 2100 for year in years) and years == sorted(years)
    hidden = [] if seen.refused else [seen.table.column(name).unique().to_pylist() for name in ("name", "email")]
    people = len(await scene.agreeing(Cell("churn_prediction")))
    attempts = (
        ("SELECT name, email, …", "masked", "every name and every e-mail is ***; years and areas are coarse"),
        ("WHERE email LIKE '%@example.jp'", like.code or "answered", _first_sentence(like)),
        ("WHERE CAST(name AS INTEGER) = 1", cast.code or "answered", _first_sentence(cast)),
        (
            "ORDER BY birth_date",
            ordered.code or "harmless",
            "the mask is below the sort: it orders by the year that it may see, not by the day",
        ),
    )
    return Part(
        3,
        "隠したものは、どこでも隠れている",
        "Masked means masked everywhere",
        asked=f"analyst, for churn_prediction: SELECT {columns} FROM crm.customers",
        lines=(f"{seen.table.num_rows:,} profiles of people who agreed. What else was tried:",),
        grids=(_profiles(seen), Grid(("tried", "answer", "why"), attempts, wrapped=2)),
        facts={
            "rows": seen.table.num_rows,
            "transforms": dict(zip(seen.table.column_names, seen.transforms, strict=True)),
            "like": like.code,
            "cast": cast.code,
            "order_by": ordered.code or "years",
            "order_by_rows": ordered.table.num_rows,
        },
        expectations=(
            Expectation("one row for each person who agreed", seen.table.num_rows == people > 0),
            Expectation("names and e-mails are masked in every row", hidden == [["***"], ["***"]]),
            Expectation("LIKE on a masked column is refused", like.code == "masked_column_use"),
            Expectation("a cast that would throw the value is refused", cast.code == "masked_column_use"),
            Expectation("ORDER BY sees years only", harmless and len(years) == people),
        ),
    )


async def one_customer_withdraws(scene: Scene) -> Part:
    """Part 4: a withdrawal, and the next query."""
    customer = _customer_who_agreed(scene)
    person = DataSubjectRef(IDENTIFIER, str(customer))
    again = await _agree_again(scene, person)
    pseudonym = await scene.pseudonym("recommender", "recommendation", customer)
    hers = f"SELECT invoice, description FROM {scene.order_lines} WHERE customer_id = '{pseudonym}'"
    all_lines = f"SELECT COUNT(*) AS lines, COUNT(DISTINCT customer_id) AS people FROM {scene.order_lines}"
    before = await _told(scene, hers, all_lines)
    began = time.perf_counter()
    withdrawn = await scene.workspace.consents.recording.withdraw(person, "recommendation")
    took = time.perf_counter() - began
    after = await _told(scene, hers, all_lines)
    lines = ("She had agreed again through the consent desk first: an earlier story withdrew it.",) if again else ()
    return Part(
        4,
        "撤回は、次の問い合わせから効く",
        "A withdrawal counts from the next query on",
        asked=f"recommender, for recommendation: … WHERE customer_id = '{short(pseudonym)}'",
        lines=(
            *lines,
            (
                f"One customer withdrew; the ledger had it in {took * 1000:.0f} ms (sequence {withdrawn['seq']}). "
                "No cache stands between."
            ),
        ),
        grids=(
            Grid(
                ("", "before", "after"),
                (
                    ("lines under her pseudonym", f"{before[0]:,}", f"{after[0]:,}"),
                    ("lines of everybody who agreed", f"{before[1]:,}", f"{after[1]:,}"),
                    ("people", f"{before[2]:,}", f"{after[2]:,}"),
                ),
            ),
        ),
        facts={
            "her_lines": [before[0], after[0]],
            "lines": [before[1], after[1]],
            "people": [before[2], after[2]],
            "consent_seq": withdrawn["seq"],
            "agreed_again_first": again,
            "withdrawal_ms": round(took * 1000, 1),
        },
        expectations=(
            Expectation("she had lines before", before[0] >= 1),
            Expectation("none of her lines afterwards", after[0] == 0),
            Expectation("everybody else's are still there", before[1] - after[1] == before[0]),
            Expectation("one person fewer", before[2] - after[2] == 1),
        ),
    )


async def _attempt(scene: Scene, sql: str) -> Reply:
    return await scene.ask("analyst", "churn_prediction", sql)


def _first_sentence(reply: Reply) -> str:
    return reply.detail.partition(". ")[0]


async def _told(scene: Scene, hers: str, everybodys: str) -> tuple[int, int, int]:
    """Return her lines, all lines and all people, as the recommender is told."""
    one = await scene.ask("recommender", "recommendation", hers)
    whole = await scene.ask("recommender", "recommendation", everybodys)
    lines, people = (column[0].as_py() for column in whole.table.columns) if not whole.refused else (0, 0)
    return one.table.num_rows, lines, people


async def _agree_again(scene: Scene, person: DataSubjectRef) -> bool:
    """Let the consent desk record a yes where an earlier story left a no; return whether it had to."""
    desk = scene.requester("consent_desk")
    checked = await scene.workspace.consents.reading.check(desk, [ConsentQuestion(person, "recommendation", {})])
    if checked[0]["allowed"]:
        return False
    await scene.workspace.consents.recording.record_event(
        desk,
        ConsentEventRequest(
            person=person,
            purpose="recommendation",
            kind=ConsentEventKind.GIVE,
            method="call_centre",
            notice_version="1",
            evidence={"note": "agreed again for the demonstration"},
        ),
    )
    return True


def _customer_who_agreed(scene: Scene) -> int:
    """Return the same customer in every story: the first who, when the workspace was built, had agreed to all."""
    ids = [number for (number,) in scene.files.rows("SELECT customer_id FROM crm.customers ORDER BY 1")]
    cells = scene.workspace.settings.catalogue.purposes["recommendation"].all_cells()
    history = consent_history(np.array(ids, np.int64), seed=SEED, cells_by_purpose={"recommendation": cells})
    given = {
        event.customer_id
        for event in history
        if event.kind is ConsentEventKind.GIVE
        and event.cells == cells
        and (event.valid_until is None or event.valid_until > datetime(2030, 1, 1, tzinfo=UTC))
    }
    given -= {event.customer_id for event in history if event.kind is not ConsentEventKind.GIVE}
    found = scene.files.rows(
        "SELECT customer_id FROM pos.order_lines JOIN crm.customers USING (customer_id) "
        "WHERE gender = 'female' AND customer_id IN (SELECT customer_id FROM people) "
        f"GROUP BY customer_id ORDER BY count(*) >= {_ENOUGH_LINES} DESC, customer_id LIMIT 1",
        people=sorted(given),
    )
    return int(found[0][0])


def _sample(reply: Reply) -> Grid:
    """Return a line of three different people."""
    count = reply.table.num_rows
    rows = []
    for place in (0, count // 2, count - 1) if count > 2 else range(count):
        customer, invoice, description, quantity, moment, _, country = reply.row(place)
        rows.append((short(customer), short(invoice), short(description, 22), quantity, moment[:10], country))
    return Grid(("customer_id", "invoice", "description", "quantity", "invoiced_at", "country"), tuple(rows))


def _profiles(reply: Reply) -> Grid:
    rows = tuple(
        tuple(short(shown(value)) for value in reply.row(place)) for place in range(min(2, reply.table.num_rows))
    )
    return Grid(tuple(reply.table.column_names), rows)
