"""The client library: ask Sekisho from a service, synchronously or asynchronously, with types.

::

    from sekisho.client import Client

    with Client("https://sekisho.example", token) as sekisho:
        rows = sekisho.query("SELECT customer_id, stock_code FROM pos.order_lines", purpose="recommendation")
        rows.polars()  # or .arrow(), .pandas()
        if sekisho.allowed("customer_id:17850", "recommendation"):
            ...

Nothing here says yes by itself: what cannot be answered raises, and a stream that breaks off raises, so that
no part is taken for the whole.
"""

from __future__ import annotations

from sekisho.client.asynchronous import AsyncClient
from sekisho.client.errors import Broken, ClientError, Problem, Unreachable
from sekisho.client.messages import Answer, Change, Check, Recorded
from sekisho.client.stream import Batches
from sekisho.client.synchronous import Client, query

__all__ = [
    "Answer",
    "AsyncClient",
    "Batches",
    "Broken",
    "Change",
    "Check",
    "Client",
    "ClientError",
    "Problem",
    "Recorded",
    "Unreachable",
    "query",
]
