r"""Recognisers of personal data in free text: pure code, no model, no network.

``recognisers.find`` is the one pass over all of them. Boundaries are never ``\b``: kana and kanji are word
characters to a regular expression, so ``\b`` finds no edge between ``は`` and ``hanako@example.co.jp``.
Every pattern is linear in the text: no nested unbounded quantifier, every window bounded.
The aim is recall: what leaves a store is masked when in doubt.
"""
