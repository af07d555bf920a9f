"""What becomes of a text before it is parsed: its parameters get names; what would be parsed too often is refused.

sqlglot tries some constructs in two ways, and reads what stands in them twice: a JOIN is given the joins after it
until no condition is found for it (``a JOIN b JOIN c …``), and a type before a bracket is read as a type first
(``DATE(DATE(…))``). Each within the other doubles the time again: thirty would take hours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from sqlglot import Token, TokenType

from sekisho.errors import StatementRefused

MAX_DOUBLINGS = 10
_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE})
_JOINS = frozenset({TokenType.JOIN, TokenType.STRAIGHT_JOIN})
_CONDITIONS = frozenset({TokenType.ON, TokenType.USING})
# What a condition stands behind: the end of a source or of another condition. Elsewhere these words are names.
_ENDS = frozenset(
    {
        TokenType.VAR, TokenType.IDENTIFIER, TokenType.NUMBER, TokenType.STRING, TokenType.R_PAREN,
        TokenType.R_BRACKET,
    }
)  # fmt: skip


def numbered(tokens: Iterable[Token], sign: TokenType) -> Iterator[Token]:
    """Yield *tokens* with each mark replaced by a name behind *sign*: ``p0``, ``p1`` …; the tree keeps no order."""
    number = 0
    for token in tokens:
        kind = token.token_type
        if kind is TokenType.PLACEHOLDER or kind is TokenType.QDCOLON:
            yield Token(sign, "")
            yield Token.var(f"p{number}")
            number += 1
            if kind is TokenType.QDCOLON:  # a mark and its cast: ``?::``
                yield Token(TokenType.DCOLON, "::")
        else:
            yield token


def check_doublings(tokens: Sequence[Token], types: Collection[TokenType]) -> None:
    """Refuse a text of which some place stands in more than :data:`MAX_DOUBLINGS` constructs that are parsed twice.

    *types* are the tokens that name a type.
    """
    around: list[tuple[int, int]] = []
    doublings = joins = 0  # in all, and those of the joins between these brackets
    before = TokenType.SEMICOLON
    for token in tokens:
        kind = token.token_type
        if kind in _OPENING:
            around.append((doublings, joins))
            doublings, joins = doublings + (before in types), 0
        elif kind in _CLOSING and around:
            doublings, joins = around.pop()
        elif kind in _JOINS:
            doublings, joins = doublings + 1, joins + 1
        elif kind in _CONDITIONS and before in _ENDS and joins:
            doublings, joins = doublings - 1, joins - 1
        if doublings > MAX_DOUBLINGS:
            raise StatementRefused("The statement is too large or too deeply nested.")
        before = kind
