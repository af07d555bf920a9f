"""A witness: somebody else's small service that sees every checkpoint of a log, and signs no fork of it.

It keeps, for each log, the latest tree that it signed, and puts its own timestamped signature under a new
checkpoint only when a proof shows that the new tree continues that one (C2SP tlog-witness, tlog-cosignature).
Whoever demands its signature cannot be shown another history than everybody else.

It knows nothing of the gateway: neither its database nor its settings, only the public keys of logs. Run it where
whoever administers the gateway cannot write.
"""

from sekisho.witness.memory import Memory, public_key
from sekisho.witness.server import serve_witness
from sekisho.witness.witness import Answer, Witness

__all__ = ["Answer", "Memory", "Witness", "public_key", "serve_witness"]
