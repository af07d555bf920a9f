"""Identity: tokens in, requesters and customers out.

:class:`JwtIdentity` checks tokens (read ``tokens.py`` first), ``jwks.py`` knows where verification keys
come from, and :class:`EmbeddedIssuer` makes tokens for a workspace that has no issuer of its own.
"""

from sekisho.adapters.identity.issuer import EmbeddedIssuer
from sekisho.adapters.identity.jwks import EmbeddedKeys, JwksFile
from sekisho.adapters.identity.rules import DATA_SUBJECT_TYPE, REQUESTER_TYPE, TokenRules
from sekisho.adapters.identity.tokens import JwtIdentity

__all__ = [
    "DATA_SUBJECT_TYPE",
    "REQUESTER_TYPE",
    "EmbeddedIssuer",
    "EmbeddedKeys",
    "JwksFile",
    "JwtIdentity",
    "TokenRules",
]
