"""The outbox of webhooks. The table of events is the outbox itself: a webhook has a place in it.

What is committed has a sequence below everything that is committed later (the ledger's counter row is locked
until commit), so that a webhook which moves its place from event to event can skip nothing, and nothing that was
rolled back is ever seen. Moving the place and queueing the deliveries is one transaction under the lock of the
webhook's row; several processes share the work, and each takes what the others do not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from sqlalchemy import ColumnElement, Connection, Integer, Row, bindparam, exists, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from sekisho.adapters.records.consent_tables import consent_event, webhook, webhook_delivery
from sekisho.adapters.records.database import Database, DatabaseFailed
from sekisho.adapters.records.tables import ledger_counter
from sekisho.domain.consent import ConsentEventKind
from sekisho.domain.webhooks import Claim, Delivery, DeliveryStatus, Settlement, Webhook
from sekisho.errors import ConsentUnavailable
from sekisho.ports import KeyRing

_T = TypeVar("_T")

LEASE_S = 180
"""Seconds after which another process may attempt what this one claimed: longer than a batch can take."""

_QUEUED_AT_ONCE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNREADABLE = "The webhooks cannot be read or changed now. Try again."
_GATEWAYS_OWN = frozenset({ConsentEventKind.LINK, ConsentEventKind.UNLINK, ConsentEventKind.PUBLISH})
_WAITING, _DEAD = DeliveryStatus.WAITING.value, DeliveryStatus.DEAD.value
_due, _earlier = webhook_delivery.alias("due"), webhook_delivery.alias("earlier")


class SqlWebhookOutbox:
    """Webhooks and deliveries in the own database; implements ``ports.feeds.WebhookOutbox``.

    Parameters
    ----------
    database:
        The gateway's own database, migrated. Its clock decides what is due.
    keys:
        Key ring; secrets are sealed (AES-SIV, RFC 5297) under the label ``webhook-secret``, each bound to
        its webhook.
    """

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._cipher = AESSIV(keys.derive("webhook-secret", 64))

    async def create(self, webhook_id: str, requester: str, url: str, secret: bytes) -> Webhook:
        """Keep a webhook that hears of every event after the newest; the secret is kept sealed."""
        sealed = self._cipher.encrypt(secret, [webhook_id.encode()])

        def insert(connection: Connection) -> Webhook:
            newest = select(ledger_counter.c.value).where(ledger_counter.c.name == "consent").scalar_subquery()
            row = connection.execute(
                webhook.insert()
                .values(
                    id=webhook_id,
                    url=url,
                    requester=requester,
                    secret=sealed,
                    created_at=text(self._database.now_sql),
                    from_seq=newest,
                    paused=0,
                )
                .returning(webhook)
            ).one()
            return _webhook(row)

        return await self._run(insert)

    async def webhooks(self, requester: str | None = None) -> list[Webhook]:
        """Return the webhooks of *requester*, or everybody's, oldest first; deleted ones are left out."""
        counts = select(
            webhook_delivery.c.webhook,
            func.sum((webhook_delivery.c.status == _WAITING).cast(Integer)).label("waiting"),
            func.sum((webhook_delivery.c.status == _DEAD).cast(Integer)).label("dead"),
        ).where(webhook_delivery.c.status.in_((_WAITING, _DEAD)))
        if requester is not None:
            own = select(webhook.c.id).where(webhook.c.requester == requester)
            counts = counts.where(webhook_delivery.c.webhook.in_(own))
        counted = counts.group_by(webhook_delivery.c.webhook).subquery()
        statement = (
            select(webhook, counted.c.waiting, counted.c.dead)
            .outerjoin(counted, counted.c.webhook == webhook.c.id)
            .where(webhook.c.deleted_at.is_(None))
            .order_by(webhook.c.created_at, webhook.c.id)
        )
        if requester is not None:
            statement = statement.where(webhook.c.requester == requester)
        return await self._read(
            lambda connection: [
                _webhook(row, waiting=row.waiting or 0, dead=row.dead or 0) for row in connection.execute(statement)
            ]
        )

    async def webhook(self, webhook_id: str) -> Webhook | None:
        """Return one webhook, also a deleted one, or ``None``."""

        def find(connection: Connection) -> Webhook | None:
            row = connection.execute(select(webhook).where(webhook.c.id == webhook_id)).one_or_none()
            return None if row is None else _webhook(row)

        return await self._read(find)

    async def delete(self, webhook_id: str) -> None:
        """Forget secret and URL, and give up what waits; the evidence of deliveries stays."""

        def forget(connection: Connection) -> None:
            connection.execute(
                update(webhook)
                .where(webhook.c.id == webhook_id, webhook.c.deleted_at.is_(None))
                .values(url="", secret=b"", paused=1, deleted_at=text(self._database.now_sql))
            )
            connection.execute(
                update(webhook_delivery)
                .where(webhook_delivery.c.webhook == webhook_id, webhook_delivery.c.status == _WAITING)
                .values(status=_DEAD, fault="webhook_deleted")
            )

        await self._run(forget)

    async def pause(self, webhook_id: str, *, paused: bool) -> None:
        """Stop queueing and sending, or go on where it stopped."""
        statement = update(webhook).where(webhook.c.id == webhook_id, webhook.c.deleted_at.is_(None))
        await self._run(lambda connection: connection.execute(statement.values(paused=int(paused))))

    async def replay(self, webhook_id: str, after_seq: int) -> None:
        """Send every event above *after_seq* once more, in order.

        The place moves back; what is queued again on the way forward begins its attempts anew, and nothing
        above the place goes out before the place has passed it.
        """
        statement = update(webhook).where(webhook.c.id == webhook_id, webhook.c.deleted_at.is_(None))
        statement = statement.where(webhook.c.from_seq > after_seq).values(from_seq=after_seq)
        await self._run(lambda connection: connection.execute(statement))

    async def deliveries(
        self, webhook_id: str, *, status: DeliveryStatus | None, after_seq: int, limit: int
    ) -> list[Delivery]:
        """Return up to *limit* deliveries above *after_seq*, in order of sequence."""
        table = webhook_delivery.c
        statement = select(webhook_delivery).where(table.webhook == webhook_id, table.seq > after_seq)
        if status is not None:
            statement = statement.where(table.status == status.value)
        statement = statement.order_by(table.seq).limit(limit)
        return await self._read(lambda connection: [_delivery(row) for row in connection.execute(statement)])

    async def busy(self) -> list[Webhook]:
        """Return the webhooks that are not paused and for which there is something to queue or to send now."""
        newest = select(ledger_counter.c.value).where(ledger_counter.c.name == "consent").scalar_subquery()
        ready = exists().where(_due.c.webhook == webhook.c.id, *_is_due(text(self._database.now_sql)))
        statement = (
            select(webhook)
            .where(webhook.c.paused == 0, webhook.c.deleted_at.is_(None), or_(webhook.c.from_seq < newest, ready))
            .order_by(webhook.c.created_at, webhook.c.id)
        )
        return await self._read(lambda connection: [_webhook(row) for row in connection.execute(statement)])

    async def queue(self, webhook_id: str, purposes: frozenset[str] | None) -> bool:
        """Queue the next committed events of *purposes* (``None``: all); return whether there were any.

        Raises ``ConsentUnavailable`` also when the ledger has a gap behind the webhook's place.
        """

        def advance(connection: Connection) -> bool:
            place = connection.execute(
                select(webhook.c.from_seq)
                .where(webhook.c.id == webhook_id, webhook.c.paused == 0, webhook.c.deleted_at.is_(None))
                .with_for_update(skip_locked=True)
            ).scalar_one_or_none()
            if place is None:
                return False
            event = consent_event.c
            events = connection.execute(
                select(event.seq, event.number, event.purpose, event.kind)
                .where(event.seq > place)
                .order_by(event.seq)
                .limit(_QUEUED_AT_ONCE)
            ).all()
            if not events:
                return False
            if events[-1].seq - place != len(events):
                raise ConsentUnavailable("The consent ledger has a gap; nothing behind it is sent.")
            now = self._now(connection)
            wanted = [
                (seq, number)
                for seq, number, purpose, kind in events
                if purposes is None or (purpose in purposes and kind not in _GATEWAYS_OWN)
            ]
            _queue(connection, webhook_id, wanted, now)
            connection.execute(update(webhook).where(webhook.c.id == webhook_id).values(from_seq=events[-1].seq))
            return True

        return await self._run(advance)

    async def claim(self, webhook_id: str, limit: int) -> list[Claim]:
        """Return deliveries that may be attempted now, at most one of each person, and lease them to this process."""

        def lease(connection: Connection) -> list[Claim]:
            now = self._now(connection)
            found = connection.execute(
                select(_due.c.seq, _due.c.attempts)
                .join(webhook, webhook.c.id == _due.c.webhook)
                .where(webhook.c.id == webhook_id, webhook.c.paused == 0, webhook.c.deleted_at.is_(None))
                .where(*_is_due(now))
                .order_by(_due.c.seq)
                .limit(limit)
                .with_for_update(of=_due, skip_locked=True)
            ).all()
            until = now + LEASE_S * 1_000_000
            if found:
                connection.execute(
                    update(webhook_delivery)
                    .where(
                        webhook_delivery.c.webhook == webhook_id,
                        webhook_delivery.c.seq.in_([row.seq for row in found]),
                    )
                    .values(attempts=webhook_delivery.c.attempts + 1, next_at=until)
                )
            return [Claim(row.seq, row.attempts + 1, until) for row in found]

        return await self._run(lease)

    async def secret(self, webhook_id: str) -> bytes | None:
        """Return the secret, or ``None`` when the webhook is gone."""
        statement = select(webhook.c.secret).where(webhook.c.id == webhook_id, webhook.c.deleted_at.is_(None))
        sealed = await self._read(lambda connection: connection.execute(statement).scalar_one_or_none())
        if sealed is None:
            return None
        try:
            return self._cipher.decrypt(bytes(sealed), [webhook_id.encode()])
        except InvalidTag:
            raise ConsentUnavailable("The secret of a webhook cannot be opened with these keys.") from None

    async def settle(self, webhook_id: str, settlements: Sequence[Settlement]) -> None:
        """Write down how attempts ended; a lease that is another's by now changes nothing."""
        table = webhook_delivery.c
        statement = (
            update(webhook_delivery)
            .where(
                table.webhook == webhook_id,
                table.seq == bindparam("at_seq"),
                table.status == _WAITING,
                table.attempts == bindparam("at_attempt"),
                table.next_at == bindparam("at_lease"),
            )
            .values(
                status=bindparam("new_status"),
                next_at=bindparam("new_next_at"),
                delivered_at=func.coalesce(bindparam("new_delivered_at", type_=table.seq.type), table.delivered_at),
                response=bindparam("new_response"),
                fault=bindparam("new_fault"),
            )
        )

        def write(connection: Connection) -> None:
            now = self._now(connection)
            connection.execute(
                statement,
                [
                    {
                        "at_seq": done.claim.seq,
                        "at_attempt": done.claim.attempt,
                        "at_lease": done.claim.lease,
                        "new_status": done.status.value,
                        "new_next_at": now + round(done.again_after_s * 1_000_000),
                        "new_delivered_at": now if done.status is DeliveryStatus.DELIVERED else None,
                        "new_response": done.outcome.response,
                        "new_fault": done.outcome.fault,
                    }
                    for done in settlements
                ],
            )

        if settlements:
            await self._run(write)

    def _now(self, connection: Connection) -> int:
        return int(connection.execute(text(f"SELECT {self._database.now_sql}")).scalar_one())

    async def _run(self, work: Callable[[Connection], _T]) -> _T:
        try:
            return await self._database.run(work)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None

    async def _read(self, work: Callable[[Connection], _T]) -> _T:
        try:
            return await self._database.read(work)
        except DatabaseFailed:
            raise ConsentUnavailable(_UNREADABLE) from None


def _is_due(now: Any) -> tuple[ColumnElement[bool], ...]:
    """Return what makes a delivery ``_due`` of a webhook one that may be attempted at *now*.

    A person's later event waits until the earlier one is delivered or dead, and what a replay has put the
    webhook's place behind waits until the place has passed it.
    """
    before = exists().where(
        _earlier.c.webhook == _due.c.webhook,
        _earlier.c.number == _due.c.number,
        _earlier.c.seq < _due.c.seq,
        _earlier.c.status == _WAITING,
    )
    return _due.c.status == _WAITING, _due.c.next_at <= now, _due.c.seq <= webhook.c.from_seq, ~before


def _queue(connection: Connection, webhook_id: str, events: Sequence[tuple[int, int | None]], now: int) -> None:
    if not events:
        return
    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    fresh = {"status": _WAITING, "attempts": 0, "next_at": now, "response": None, "fault": None}
    # A conflict is a replay. When it was delivered before stays as evidence until it is delivered again.
    statement = insert(webhook_delivery).on_conflict_do_update(index_elements=("webhook", "seq"), set_=fresh)
    connection.execute(
        statement, [{"webhook": webhook_id, "seq": seq, "number": number, **fresh} for seq, number in events]
    )


def _webhook(row: Row[Any], *, waiting: int = 0, dead: int = 0) -> Webhook:
    return Webhook(
        id=row.id,
        requester=row.requester,
        created_at=_instant(row.created_at),
        url=row.url,
        after_seq=row.from_seq,
        paused=bool(row.paused),
        deleted=row.deleted_at is not None,
        waiting=int(waiting),
        dead=int(dead),
    )


def _delivery(row: Row[Any]) -> Delivery:
    status = DeliveryStatus(row.status)
    return Delivery(
        seq=row.seq,
        status=status,
        attempts=row.attempts,
        next_at=_instant(row.next_at) if status is DeliveryStatus.WAITING else None,
        delivered_at=None if row.delivered_at is None else _instant(row.delivered_at),
        response=row.response,
        fault=row.fault,
    )


def _instant(at: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at)
