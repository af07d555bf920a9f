"""Composes the use cases of consent, and what works for them in the background of a service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import structlog

from sekisho.adapters.deliveries import HttpWebhookSender
from sekisho.adapters.identity.jwks import JwksFile, public_jwk
from sekisho.adapters.identity.oidc import OidcProvider
from sekisho.adapters.mail import FileOutbox, SmtpMailer
from sekisho.adapters.receipt_key import ReceiptKey
from sekisho.adapters.receipt_pdf import PdfReceipts
from sekisho.adapters.records.audit_tree import AuditTree
from sekisho.adapters.records.consent_audited import UnauditedEvents
from sekisho.adapters.records.consents import SqlConsentLedger
from sekisho.adapters.records.database import Database
from sekisho.adapters.records.floor import SavedFloor
from sekisho.adapters.records.import_batches import SqlImportBatches
from sekisho.adapters.records.monthly import SqlMonthlyRecords
from sekisho.adapters.records.registers import SqlRegisters
from sekisho.adapters.records.releases import SqlReleaseIndex
from sekisho.adapters.records.requests import SqlRequests
from sekisho.adapters.records.sessions import SqlSessions
from sekisho.adapters.records.sweeper import ExpirySweeper
from sekisho.adapters.records.webhooks import SqlWebhookOutbox
from sekisho.adapters.secret_file import read_secret
from sekisho.adapters.witnesses import HttpWitnesses
from sekisho.bootstrap.background import beside, keep_on
from sekisho.bootstrap.log_tree import audit_tree
from sekisho.bootstrap.policy_records import rules_of
from sekisho.bootstrap.witnessing import WitnessedTree
from sekisho.consents import (
    Consents,
    Feed,
    Importing,
    Linking,
    MonthlyReports,
    Notices,
    Processing,
    Provisions,
    Reading,
    Receipts,
    Recording,
    Rights,
    SignIn,
    Webhooks,
)
from sekisho.consents.parts import Parts
from sekisho.consents.rights import PersonalData
from sekisho.consents.trail import Trail
from sekisho.domain.witness_policy import policy_of
from sekisho.errors import ForgedConsent
from sekisho.occasions import zone_of
from sekisho.ports import Clock, Mailer
from sekisho.settings import MailKind, Settings

_TRAIL_S = 5.0  # how often what a crash kept out of the audit log is looked for
_FLOOR_S = 2.0  # how often the highest sequence is saved outside the database
_BITS_S = 300.0  # how often it is looked whether a start would have to read much
_TREE_S = 5.0  # how often the newest records are put into the tree and a checkpoint is signed
_SWEEP_S = 600.0  # how often ends of consent are written down

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Composed:
    """The use cases, the key that signs receipts, and what runs beside them."""

    consents: Consents
    receipt_key: ReceiptKey
    trail: Trail
    sweeper: ExpirySweeper
    ledger: SqlConsentLedger
    floor: SavedFloor
    tree: AuditTree
    witnesses: HttpWitnesses | None
    witnessed: WitnessedTree

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver webhooks, sweep ends of consent and complete the audit trail for as long as this is open."""
        async with beside(
            keep_on("webhooks", self.consents.webhooks.run),
            keep_on("sweeper", lambda: self.sweeper.run(_SWEEP_S)),
            keep_on("trail", self._complete_trail),
            keep_on("floor", self._save_floor),
            keep_on("bits", self._save_bits),
            keep_on("tree", self._grow_tree),
        ):
            try:
                yield
            finally:
                self.consents.feed.stop()

    async def close(self) -> None:
        """Let messages under way end, and close connections."""
        self.consents.feed.stop()
        await self.consents.sign_in.close()
        self.witnessed.close()
        if self.witnesses is not None:
            await self.witnesses.close()

    async def _complete_trail(self) -> None:
        while True:
            try:
                await self.trail.catch_up()
            except ForgedConsent:
                self.ledger.deny_all()
                raise
            await asyncio.sleep(_TRAIL_S)

    async def _save_floor(self) -> None:
        while True:
            seq = await self.ledger.last_seq()
            await asyncio.to_thread(self.floor.save, seq)
            await asyncio.sleep(_FLOOR_S)

    async def _save_bits(self) -> None:
        while True:
            await self.ledger.save()
            await asyncio.sleep(_BITS_S)

    async def _grow_tree(self) -> None:
        while True:
            await asyncio.sleep(_TREE_S)
            await self.witnessed.grow()


def compose(
    settings: Settings,
    parts: Parts,
    database: Database,
    ledger: SqlConsentLedger,
    *,
    personal_data: PersonalData | None = None,
) -> Composed:
    """Return the use cases of consent over *parts* and their adapters."""
    keys, clock = parts.keys, parts.clock
    controller = {"name": settings.controller.name, "contact": settings.controller.contact}
    receipt_key = ReceiptKey(keys, public_jwk)
    reading, recording, linking = Reading(parts), Recording(parts), Linking(parts)
    sessions = SqlSessions(database, keys)
    feed = Feed(parts, SqlReleaseIndex(database))
    registers = SqlRegisters(database)
    asked = settings.witnesses
    tree = audit_tree(settings, database, parts.keys)
    policy = policy_of([key for _, key in asked.witnesses.values()], asked.quorum) if asked.witnesses else None
    monthly = SqlMonthlyRecords(database, parts.keys, tree, settings.audit_folder, policy)
    consents = Consents(
        reading=reading,
        recording=recording,
        notices=Notices(parts, settings.controller.name, settings.controller.contact),
        linking=linking,
        receipts=Receipts(parts, receipt_key, controller, PdfReceipts()),
        feed=feed,
        webhooks=Webhooks(
            parts,
            feed,
            SqlWebhookOutbox(database, keys),
            # Only the demonstration, which issues its own tokens on one machine, may call that machine.
            HttpWebhookSender(allow_loopback=settings.identity.embedded),
        ),
        importing=Importing(parts, SqlImportBatches(database, ledger)),
        sign_in=SignIn(
            parts,
            sessions,
            _mailer(settings, clock),
            base_url=settings.customers.base_url,
            controller=settings.controller.name,
            provider=_provider(settings, clock),
            proxies=settings.customers.proxies,
        ),
        rights=Rights(
            parts,
            SqlRequests(database, keys),
            sessions,
            decisions=recording,
            consents=reading,
            erase=lambda number: linking.erase(None, number),  # closing a request is the privacy officer's
            personal_data=personal_data,
        ),
        provisions=Provisions(parts, registers),
        processing=Processing(parts, registers, controller),
        reports=MonthlyReports(
            parts, monthly, zone_of(parts.catalogue.place), controller, partial(_titles, settings)
        ),
    )
    sweeper = ExpirySweeper(database, parts.catalogue.purposes, clock, keys, ledger.start)
    witnesses = HttpWitnesses(asked.witnesses, asked.quorum) if asked.witnesses else None
    return Composed(
        consents,
        receipt_key,
        Trail(parts, UnauditedEvents(database, keys)),
        sweeper,
        ledger,
        SavedFloor(settings.audit_folder),
        tree,
        witnesses,
        WitnessedTree(tree, witnesses, settings.audit_folder),
    )


def _titles(settings: Settings) -> dict[str, dict[str, str]]:
    """Return what the reasons of the policies are called, by language."""
    return {
        reason: {language: text.title for language, text in rule.texts.items()}
        for reason, rule in rules_of(settings).items()
    }


def _mailer(settings: Settings, clock: Clock) -> Mailer:
    mail = settings.mail
    if mail.kind is MailKind.FILE or mail.host is None:
        return FileOutbox(mail.folder, mail.sender, clock)
    return SmtpMailer(
        mail.host,
        mail.port,
        mail.sender,
        clock,
        tls=mail.tls.value,
        user=mail.user,
        password=None if mail.password_file is None else read_secret(mail.password_file),
    )


def _provider(settings: Settings, clock: Clock) -> OidcProvider | None:
    customers = settings.customers
    if customers.issuer is None or customers.client_id is None:
        return None
    secret = customers.client_secret_file
    return OidcProvider(
        issuer=customers.issuer,
        client_id=customers.client_id,
        redirect_uri=f"{customers.base_url}/v1/me/session:oidc-callback",
        clock=clock,
        client_secret=None if secret is None else read_secret(secret),
        identifier_claim=customers.identifier_claim,
        algorithms=customers.algorithms,
        keys=None if customers.jwks is None else JwksFile(customers.jwks),
    )
