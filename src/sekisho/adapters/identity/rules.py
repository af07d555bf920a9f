"""What tokens are agreed to look like, for those who check them and for the embedded issuer."""

from __future__ import annotations

import re
from typing import Final, Protocol

REQUESTER_TYPE: Final = "at+jwt"
"""``typ`` of a requester's token: an access token (RFC 9068, 2.1)."""

DATA_SUBJECT_TYPE: Final = "sekisho-data-subject+jwt"
"""``typ`` of a customer's token: explicitly typed, so that nothing else passes as one (RFC 8725, 3.11)."""

DATA_SUBJECT_NAME: Final = re.compile(r"(?!pseudonym:)([a-z][a-z0-9_]{0,62}):([\x21-\x7e]{1,256})")
"""``sub`` of a customer's token, ``TYPE:VALUE``. A pseudonym belongs to one requester and purpose: nobody
signs in by it."""


LONGEST_S: Final = 366 * 86_400
"""Seconds for which a token may still be valid: one that never ends could be withdrawn by its key alone."""


class TokenRules(Protocol):
    """What a workspace says about tokens; ``sekisho.settings.IdentitySettings`` is one."""

    @property
    def issuer(self) -> str:
        """The one accepted ``iss``."""

    @property
    def audience(self) -> str:
        """The ``aud`` of requesters' tokens."""

    @property
    def customer_audience(self) -> str:
        """The ``aud`` of customers' tokens."""

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The accepted ``alg``."""
