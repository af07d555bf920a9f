"""The masks of the scan over Arrow columns: what the stores compute in SQL, for data that comes from no store.

One contract test holds both forms to the same answers, on each engine.
"""

from __future__ import annotations

from datetime import date

import pyarrow as pa

from sekisho.domain.masks import Bucket, Constant, Hierarchy, Mask, Partial, TopBottom, TransformKind, Truncate
from sekisho.transform.bucket import bucketed
from sekisho.transform.constant import constant, redacted, withheld
from sekisho.transform.hierarchy import generalised
from sekisho.transform.partial import partial
from sekisho.transform.prefix import prefix3
from sekisho.transform.top_bottom import coded
from sekisho.transform.truncate import age_band, truncated, year
from sekisho.transform.web import browser, host


def masked(values: pa.Array, kind: TransformKind, mask: Mask | None = None, today: date | None = None) -> pa.Array:
    """Return *values* under *kind*, with the parameters of *mask*; *today* is the day by which ages are told.

    Raises ``ValueError`` for a transform that is not computed at the scan, or lacks what it needs.
    """
    match kind:
        case TransformKind.CLEAR:
            return values
        case TransformKind.WITHHOLD:
            return withheld(values)
        case TransformKind.REDACT:
            return redacted(values)
        case TransformKind.YEAR:
            return year(values)
        case TransformKind.AGE_BAND if today is not None:
            return age_band(values, today)
        case TransformKind.PREFIX3:
            return prefix3(values)
        case TransformKind.HOST:
            return host(values)
        case TransformKind.BROWSER:
            return browser(values)
        case TransformKind.PARTIAL if mask is None:
            mask = Partial()
    if mask is None or mask.kind is not kind:
        raise ValueError("a mask without its parameters")
    match mask:
        case Constant(value):
            return constant(values, value)
        case Partial(keep):
            return partial(values, keep)
        case Truncate(to):
            return truncated(values, to)
        case Hierarchy():
            return generalised(values, mask.groups)
        case Bucket():
            return bucketed(values, mask)
        case TopBottom(bottom, top):
            return coded(values, bottom, top)
    raise ValueError("a mask that is not computed at the scan")
