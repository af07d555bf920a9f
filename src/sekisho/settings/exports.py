"""The exports of the audit log: those that are asked for, and those on a schedule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sekisho.domain.audit_export import Every, ExportFormat
from sekisho.settings.section import Section
from sekisho.settings.values import ExportSchedule, ExportSettings

_FOLDER = "var/exports"
_MOST_KEPT = 100_000


def exports(root: Section, folder: Path) -> ExportSettings | None:
    """Return where exports go, and which are made by themselves; none when nothing is said."""
    audit = root.section("audit")
    default = ExportSettings((folder / _FOLDER).resolve())
    if audit is None:
        return default
    schedules = _schedules(audit, folder)
    jobs = audit.section("export_jobs")
    if jobs is None:
        return replace(default, schedules=schedules)
    place = jobs.path("folder", folder, _FOLDER)
    if place is None:
        return None
    return ExportSettings(
        place,
        keep_days=jobs.whole("keep_days", default.keep_days, 1, 3_650),
        gigabytes=jobs.whole("gigabytes", default.gigabytes, 1, 100_000),
        running=jobs.whole("running", default.running, 1, 64),
        schedules=schedules,
    )


def _schedules(audit: Section, folder: Path) -> tuple[ExportSchedule, ...]:
    found: list[ExportSchedule] = []
    for section in audit.sections("exports"):
        form, every = section.choice("format", ExportFormat), section.choice("every", Every)
        place, keep = section.path("folder", folder), section.whole("keep", 0, 1, _MOST_KEPT)
        if form is None or every is None or place is None:
            continue
        if any((other.form, other.folder) == (form, place) for other in found):
            section.wrong(
                "folder", "another export of this format has the same folder", "give each a folder of its own"
            )
            continue
        found.append(ExportSchedule(form, every, place, keep or None))
    return tuple(found)
