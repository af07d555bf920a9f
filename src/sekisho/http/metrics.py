"""Metrics of the service: counts and durations; labels come from closed lists, never from a request."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.types import Scope

from sekisho.costs import Step
from sekisho.ports import WitnessFault, WitnessStatus

_STEP_BUCKETS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Prometheus metrics with a registry of their own, so that two applications do not share counts."""

    content_type: Final = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._requests = Counter(
            "sekisho_http_requests",
            "Requests by route, status and error code.",
            ("route", "status", "code"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "sekisho_http_request_seconds",
            "Time from the first byte of a request to the last of its answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._meters: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}  # by route, status and code
        steps = Histogram(
            "sekisho_step_seconds",
            "Time that the steps of complete answers took; fetch is the wait for the stores.",
            ("step",),
            buckets=_STEP_BUCKETS,
            registry=self.registry,
        )
        self._steps = {step: steps.labels(step.value) for step in Step}
        self._rows = Counter(
            "sekisho_released_rows", "Rows released, by format.", ("format",), registry=self.registry
        )
        self._pages = Counter(
            "sekisho_released_pages", "Pages released, by format.", ("format",), registry=self.registry
        )
        self._void = Counter(
            "sekisho_void_pages", "Pages recorded but dropped, because they came too late.", registry=self.registry
        )
        self._applied = Gauge(
            "sekisho_store_consent_seq",
            "Sequence of the consent ledger up to which a store's people tables are written.",
            ("store",),
            registry=self.registry,
        )
        self._behind = Gauge(
            "sekisho_store_events_behind",
            "Consent events that a store's people tables do not hold yet; a statement brings them up by itself.",
            ("store",),
            registry=self.registry,
        )
        self._policy = Gauge(
            "sekisho_policy_revision",
            "1 for the revision of the policies in force.",
            ("revision",),
            registry=self.registry,
        )
        self._policy_refused = Gauge(
            "sekisho_policy_refused",
            "1 while the newest policies are not in force, because they do not compile or are not the expected ones.",
            registry=self.registry,
        )

        self._shadow = Counter(
            "sekisho_policy_shadow_decisions",
            "Decisions at which the shadow policy looked, by how it differs; one may differ in several ways.",
            ("outcome",),
            registry=self.registry,
        )

        self._checkpoint = Gauge(
            "sekisho_audit_checkpoint_size",
            "Records under the newest checkpoint that witnesses were asked to sign, and that enough of them signed.",
            ("state",),
            registry=self.registry,
        )
        self._witness_size = Gauge(
            "sekisho_audit_witness_size",
            "Records under the newest checkpoint that a witness signed.",
            ("witness",),
            registry=self.registry,
        )
        self._witness_at = Gauge(
            "sekisho_audit_witness_seconds",
            "When a witness last signed, in seconds since 1970 by its own clock.",
            ("witness",),
            registry=self.registry,
        )
        self._witness_fault = Gauge(
            "sekisho_audit_witness_fault",
            "1 for why a witness did not sign when it was last asked.",
            ("witness", "fault"),
            registry=self.registry,
        )

        self._texts = Counter(
            "sekisho_free_texts",
            "Distinct texts that were masked: read, known from before, or suppressed as oversize or failed.",
            ("fate",),
            registry=self.registry,
        )

    def request(self, scope: Scope, status: int, code: str, seconds: float) -> None:
        """Count one request. *status* 0 means that the client left before an answer."""
        ended = route_of(scope), str(status), code
        meters = self._meters.get(ended)
        if meters is None:
            meters = self._meters[ended] = self._requests.labels(*ended), self._seconds.labels(ended[0])
        meters[0].inc()
        meters[1].observe(seconds)

    def page(self, form: str, rows: int) -> None:
        """Count one page that left, in the format *form*."""
        self._pages.labels(form).inc()
        self._rows.labels(form).inc(rows)

    def step(self, step: Step, seconds: float) -> None:
        """Count what one step of an answer took."""
        self._steps[step].observe(seconds)

    def void(self, pages: int) -> None:
        """Count pages that were dropped after their recheck grew old."""
        self._void.inc(pages)

    def store(self, store: str, seq: int, behind: int) -> None:
        """Say how far the people tables of *store* are."""
        self._applied.labels(store).set(seq)
        self._behind.labels(store).set(behind)

    def policies(self, revision: str | None, *, refused: bool) -> None:
        """Say by which *revision* decisions are taken, and whether newer policies were *refused*."""
        self._policy.clear()
        if revision is not None:
            self._policy.labels(revision).set(1)
        self._policy_refused.set(refused)

    def shadow(self, outcome: str, times: int) -> None:
        """Count decisions at which the shadow policy looked."""
        self._shadow.labels(outcome).inc(times)

    def texts(self, fate: str, times: int) -> None:
        """Count texts that were masked, by how."""
        self._texts.labels(fate).inc(times)

    def witnesses(self, status: WitnessStatus) -> None:
        """Say how far the witnesses of the audit log are, and why one of them does not sign."""
        if status.asked is None:
            return  # another process asks them
        self._checkpoint.labels("asked").set(status.asked)
        self._checkpoint.labels("witnessed").set(status.witnessed or 0)
        for witness in status.witnesses:
            self._witness_size.labels(witness.name).set(witness.size or 0)
            self._witness_at.labels(witness.name).set(witness.at or 0)
            for fault in WitnessFault:
                self._witness_fault.labels(witness.name, fault.value).set(witness.fault is fault)

    def text(self) -> bytes:
        """Return the exposition text."""
        return generate_latest(self.registry)


def route_of(scope: Scope) -> str:
    """Return the route's template (never the path, which may name things), or ``unmatched``."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"
