"""English lines to learn from, written for this project; slots as in ``templates``."""

from __future__ import annotations

ENGLISH = r"""
My name is {latin}.
Hello, this is {latin} from {org}.
I spoke with {latin} yesterday.
Please ask {latin} to call me.
Regards,\n{latin}
Thanks, {latin}
Dear {latin},
{latin} called about the refund.
The order of {latin} has not arrived.
Ship it to {latin}, please.
Contact: {latin} <{mail}>
{latin} and {latin} were on the call.
The package arrived late and the box was damaged.
I am very unhappy with the Service Desk.
Please update Windows and Google Chrome.
Order No. {no} was paid by Credit Card.
""".strip().splitlines()
