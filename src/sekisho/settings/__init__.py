"""The workspace file: ``sekisho.yaml`` in, typed settings out, or every fault at once.

Reading goes through four stages, each in its own module: text becomes a tree whose every node knows
its line (``document.py``), the tree is held against the table of keys (``keys.py``, ``section.py``),
sections become values (``parts.py``, ``catalogue.py``, ``views.py``), and what they say of each other is
checked. Faults are collected on the way (``faults.py``) and raised together at the end.
"""

from sekisho.settings.keys import SECTIONS, Key
from sekisho.settings.load import FILE_NAME, load
from sekisho.settings.values import (
    Controller,
    CustomerSettings,
    DetectSettings,
    ExportSchedule,
    ExportSettings,
    IdentitySettings,
    KeyProvider,
    KeySettings,
    MailKind,
    MailSecurity,
    MailSettings,
    PolicyEngine,
    PolicySettings,
    ScanSettings,
    Settings,
    WitnessSettings,
)

__all__ = [
    "FILE_NAME",
    "SECTIONS",
    "Controller",
    "CustomerSettings",
    "DetectSettings",
    "ExportSchedule",
    "ExportSettings",
    "IdentitySettings",
    "Key",
    "KeyProvider",
    "KeySettings",
    "MailKind",
    "MailSecurity",
    "MailSettings",
    "PolicyEngine",
    "PolicySettings",
    "ScanSettings",
    "Settings",
    "WitnessSettings",
    "load",
]
