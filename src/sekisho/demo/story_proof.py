"""Parts 8 and 9: the log that proves itself, and where to go next."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sekisho.adapters.records.audit_export import export_raw
from sekisho.audit_verify import Verdict, verify_database, verify_export
from sekisho.demo.forgery import change_a_byte, copy_database, copy_from_server, hashes_fit, rewrite_history
from sekisho.demo.scene import Expectation, Grid, Part, Scene
from sekisho.errors import NotFound
from sekisho.ports import AuditQuery


@dataclass(frozen=True, slots=True)
class _Found:
    """What verification said of the log, of a copy with a changed byte, and of a rewritten history."""

    records: int
    untouched: Verdict
    changed: Verdict
    rewritten: Verdict
    rewritten_records: int
    hashes_fit: bool


async def the_log_proves_itself(scene: Scene, began: datetime) -> Part:
    """Part 8: the record of the story's first release is attacked, in copies, twice.

    *began* is when the story began. Raises ``NotFound`` when nothing was released.
    """
    release_id = next((reply.release_id for reply in scene.heard if not reply.refused), None)
    if release_id is None:
        raise NotFound("Nothing was released in this story, so that there is no such record.")
    kinds = await _kinds(scene, began)
    record = await scene.workspace.audit.get(release_id)
    seq = None if record is None else record["seq"]
    with tempfile.TemporaryDirectory(prefix="sekisho-") as folder:
        found = await _attack(scene, Path(folder), release_id)
    accused, rewritten = found.changed.bad, found.rewritten.bad
    place = None if record is None else (record["writer"], record["wseq"])
    rows = (
        ("as it is", _word(found.untouched), f"{found.records:,} records, {found.untouched.heads} signed heads"),
        ("a byte changed", _word(found.changed), _finding(found.changed)),
        (
            "rewritten",
            _word(found.rewritten),
            f"{'every hash fits, but ' if found.hashes_fit else ''}{_finding(found.rewritten)} (record {seq})",
        ),
    )
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()) if not kind.startswith("writer."))
    return Part(
        8,
        "記録は、みずからを証明する",
        "The log proves itself",
        asked="an auditor, who trusts a public key: sekisho audit verify",
        lines=(
            f"Of this story: {told}.",
            (
                f"Two copies are attacked at record {seq}, a release. In one a byte is changed. In the "
                f"other somebody with all rights over the database rewrites it and computes "
                f"{found.rewritten_records} hashes anew."
            ),
            f"Key: {scene.workspace.keys.verification_key()}",
        ),
        grids=(Grid(("the log", "verdict", "finding"), rows, wrapped=2),),
        facts={
            "kinds": dict(sorted(kinds.items())),
            "records": found.records,
            "verification_key": scene.workspace.keys.verification_key(),
            "untouched": found.untouched.as_dict(),
            "changed_byte": found.changed.as_dict(),
            "rewritten_history": {
                **found.rewritten.as_dict(),
                "records_rewritten": found.rewritten_records,
                "hashes_fit": found.hashes_fit,
            },
        },
        expectations=(
            Expectation("the log is whole", found.untouched.ok),
            Expectation("the changed byte is found", _word(found.changed) == "tampered"),
            Expectation("and its record is named", accused is not None and accused.id == release_id),
            Expectation("hashes alone would not find the rewritten history", found.hashes_fit),
            Expectation("a head saved outside the database exposes it", _exposed(found.rewritten)),
            Expectation(
                "and names the record", rewritten is not None and (rewritten.writer, rewritten.wseq) == place
            ),
            Expectation("every answer and refusal of the story is on record", await _all_recorded(scene, kinds)),
        ),
    )


def where_to_go_next(scene: Scene) -> Part:
    """Part 9: what to try."""
    folder = scene.built.folder
    mine = "" if folder == Path("var") / "demo" else f" --workspace {folder}"
    installed = shutil.which("sekisho") is not None
    program = "sekisho" if installed else ".venv/bin/sekisho"
    steps = (
        ("make serve", "the same workspace on http://127.0.0.1:8000, with /docs"),
        (f"{program} token{mine} --requester recommender", "a bearer token to try it with"),
        (
            (
                f"{program} query{mine} --requester recommender --purpose recommendation \\\n"
                f"    'SELECT country, COUNT(*) FROM {scene.order_lines} GROUP BY country'"
            ),
            "one query without a server",
        ),
        (f"{program} consent show{mine} customer_id:12347", "what one customer decided"),
        (f"{program} audit verify {folder}", "prove the log again"),
        (f"{folder / 'sekisho.yaml'}", "everything this workspace is, in one file: edit it, then run check"),
        ("docs/", "why, quick start (日本語も), the tour of one request, the threat model"),
    )
    return Part(
        9,
        "次の一歩",
        "Where to go next",
        lines=tuple(f"{step}\n    {what}" for step, what in steps),
        facts={"workspace": str(folder), "try": [step for step, _ in steps]},
        expectations=(),
    )


async def _all_recorded(scene: Scene, kinds: Counter[str]) -> bool:
    """Return whether the log has a record for each release that was heard, and as many refusals."""
    released = [reply.release_id for reply in scene.heard if not reply.refused]
    records = [await scene.workspace.audit.get(release_id) for release_id in released]
    return None not in records and kinds["access.deny"] >= len(scene.heard) - len(released)


async def _kinds(scene: Scene, began: datetime) -> Counter[str]:
    """Return how many records of each kind the story left."""
    kinds: Counter[str] = Counter()
    after = 0
    while found := await scene.workspace.audit.search(AuditQuery(since=began, after_seq=after, limit=1_000)):
        kinds.update(str(record["kind"]) for record in found)
        after = int(str(found[-1]["seq"]))
    return kinds


async def _attack(scene: Scene, folder: Path, release_id: str) -> _Found:
    workspace = scene.workspace
    key = workspace.keys.verification_key()
    heads = workspace.settings.audit_folder
    url = workspace.settings.database_url
    exported = await export_raw(workspace.audit, folder / "export")

    def attacks() -> _Found:
        untouched = verify_export(exported.folder, key)
        change_a_byte(exported.folder, folder / "changed", release_id)
        forged = folder / "forged.db"
        if url.startswith("sqlite:///"):
            copy_database(Path(url.removeprefix("sqlite:///")), forged)
        else:
            copy_from_server(url, forged)
        count = rewrite_history(forged, release_id, "customer_support")
        return _Found(
            exported.records,
            untouched,
            verify_export(folder / "changed", key),
            verify_database(forged, heads, key),
            count,
            hashes_fit(forged),
        )

    return await asyncio.to_thread(attacks)


def _word(verdict: Verdict) -> str:
    return verdict.outcome.name.lower()


def _finding(verdict: Verdict) -> str:
    bad = verdict.bad
    named = f" (record {bad.seq})" if bad is not None and bad.seq is not None else ""
    return f"{verdict.finding}{named}"


def _exposed(verdict: Verdict) -> bool:
    return _word(verdict) == "tampered" and "saved outside the database" in verdict.finding
