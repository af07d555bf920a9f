"""Whose a column is, and what its name or its number is by that."""

from __future__ import annotations

from enum import StrEnum

from sekisho.detect.column_kinds import NONE


class Owner(StrEnum):
    """What a name, a table or a path is about."""

    PERSON = "person"
    THING = "thing"  # goods, shops, companies: nobody
    RECORD = "record"  # an order, a ticket, a booking: one person's
    EVENT = "event"
    UNKNOWN = "unknown"


def of_name(owner: Owner, around: Owner, *, account: bool, labelled: bool, strange: bool) -> dict[str, float]:
    """Return the kinds, with their strength, of a name of *owner*.

    Parameters
    ----------
    owner, around:
        Whom the words name, and what stands above them.
    account, labelled, strange:
        Whether words say an account, a label (a category's name), something that the dictionary does not know.
    """
    if owner is Owner.PERSON:
        return {"name": 0.9, "employer": 0.5} if account else {"name": 0.9}
    if owner in {Owner.THING, Owner.EVENT}:
        return {NONE: 0.9}
    if owner is Owner.RECORD:  # 経費名称, and the name of whoever made a booking
        return {"name": 0.4, NONE: 0.5}
    if labelled:  # category_name, 状態名
        return {NONE: 0.9}
    if around is Owner.THING:
        return {NONE: 0.6, "name": 0.2}
    if strange:  # the name of something that the dictionary does not know; people it knows
        return {"name": 0.4 if around is Owner.PERSON else 0.3, NONE: 0.4}
    if around in {Owner.RECORD, Owner.EVENT}:  # shops call an order's number its name
        return {"name": 0.4, "order_number": 0.2, NONE: 0.3}
    if around is Owner.PERSON:
        return {"name": 0.7, "employer": 0.5} if account else {"name": 0.7, NONE: 0.1}
    return {"name": 0.4, NONE: 0.3}


def of_id(owner: Owner, around: Owner, *, named: bool, unique: bool, strange: bool) -> dict[str, float]:
    """Return the kinds, with their strength, of a number of *owner*.

    Parameters
    ----------
    owner, around:
        Whom the words name, and what stands above them.
    named, unique, strange:
        Whether words say a number, one that machines give, something that the dictionary does not know.
    """
    own = owner is not Owner.UNKNOWN
    if strange and not own:  # the number of something that the dictionary does not know
        if around is Owner.PERSON:
            return {"customer_id": 0.5, "record_id": 0.3, NONE: 0.3}
        return {"record_id": 0.4, "customer_id": 0.3, NONE: 0.4}
    strength = (0.9 if named else 0.5) if own else 0.7
    match owner if own else around:
        case Owner.PERSON:
            return {"customer_id": strength}
        case Owner.THING:
            if strange:
                return {NONE: 0.45, "customer_id": 0.4}
            if around is Owner.PERSON:  # a meter's number in a table of people is as good as theirs
                return {NONE: 0.6, "customer_id": 0.4}
            return {NONE: strength}
        case Owner.RECORD:
            if unique:  # txn_uuid: what machines number, not people
                return {"record_id": strength, "order_number": 0.5}
            return {"order_number": strength, "record_id": 0.4}
        case Owner.EVENT:
            return {"record_id": strength, "order_number": 0.2}
    return {"record_id": 0.4, "customer_id": 0.3, NONE: 0.2}
