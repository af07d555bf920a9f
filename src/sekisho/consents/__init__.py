"""The use cases of consent, by what callers want: read, record, ask, link, prove, follow, import, sign in."""

from __future__ import annotations

from dataclasses import dataclass

from sekisho.consents.feed import Feed
from sekisho.consents.importing import Importing
from sekisho.consents.linking import Linking
from sekisho.consents.monthly import MonthlyReports
from sekisho.consents.notices import Notices
from sekisho.consents.processing import Processing
from sekisho.consents.provisions import Provisions
from sekisho.consents.reading import Reading
from sekisho.consents.receipts import Receipts
from sekisho.consents.recording import Recording
from sekisho.consents.rights import Rights
from sekisho.consents.sign_in import SignIn
from sekisho.consents.webhooks import Webhooks

__all__ = [
    "Consents",
    "Feed",
    "Importing",
    "Linking",
    "MonthlyReports",
    "Notices",
    "Processing",
    "Provisions",
    "Reading",
    "Receipts",
    "Recording",
    "Rights",
    "SignIn",
    "Webhooks",
]


@dataclass(frozen=True)
class Consents:
    """Every use case, composed by ``bootstrap``."""

    reading: Reading
    recording: Recording
    notices: Notices
    linking: Linking
    receipts: Receipts
    feed: Feed
    webhooks: Webhooks
    importing: Importing
    sign_in: SignIn
    rights: Rights
    provisions: Provisions
    processing: Processing
    reports: MonthlyReports
