"""The policy decision point inside the process: Rego compiled to WebAssembly, or interpreted by ``regopy``.

``folder`` reads policies, ``compiled`` and ``interpreter`` evaluate them in one thread, ``embedded`` decides in
several and exchanges them while it does, ``in_force`` tells the workers of one machine which of them decide.
"""

from sekisho.adapters.rego.embedded import EmbeddedRego
from sekisho.adapters.rego.folder import (
    policy_digest,
    policy_files,
    policy_revision,
    reviewed_texts,
    shipped_policies,
)
from sekisho.adapters.rego.in_force import RevisionInForce

__all__ = [
    "EmbeddedRego",
    "RevisionInForce",
    "policy_digest",
    "policy_files",
    "policy_revision",
    "reviewed_texts",
    "shipped_policies",
]
