"""The command line. Thin: every command opens a workspace and calls what the service calls.

Exit codes: 0 done, 1 failed, 2 used wrongly (``audit verify`` has its own). What heavy modules a command
needs it imports itself, so that ``--help`` is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import typer

from sekisho.cli import (
    audit,
    audit_proofs,
    check,
    consent,
    demo,
    grant,
    grants,
    keys,
    migrate,
    notices,
    policy,
    policy_lint,
    policy_new,
    query,
    registers,
    scan,
    serve,
    stores,
    token,
    views,
    webhooks,
)
from sekisho.errors import InvalidRequest, NotFound, SekishoError, UnknownPurpose

app = typer.Typer(
    name="sekisho",
    help=(
        "Sekisho (関所): a privacy and consent gateway. "
        "No customer data leaves a store without a purpose, a decision, a consent and a record."
    ),
    epilog="Begin with: sekisho demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its tracebacks show values
)
for _command in (demo, serve, check, token, query, grant):
    _command.register(app)
audit_proofs.register(audit.app)
for _name, _group in (
    ("consent", consent),
    ("notices", notices),
    ("views", views),
    ("stores", stores),
    ("scan", scan),
    ("policy", policy),
    ("grants", grants),
    ("keys", keys),
    ("migrate", migrate),
    ("audit", audit),
    ("webhooks", webhooks),
):
    app.add_typer(_group.app, name=_name)
registers.register(app)
for _more in (policy_lint, policy_new):
    _more.register(policy.app)

_USED_WRONGLY = (UnknownPurpose, InvalidRequest, NotFound)
"""An argument that names nothing, or cannot be what it stands for."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit. *arguments* are those of the process when left out."""
    _leave_no_image()
    try:
        app(args=None if arguments is None else list(arguments), prog_name="sekisho")
    except SekishoError as error:
        sys.stderr.write(f"{error.code}: {error.detail}\n")
        if isinstance(error, _USED_WRONGLY) and not error.reasons:  # with reasons, a rule said no to what was asked
            sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - messages of other errors may hold data values: only their class
        sys.stderr.write(f"internal_error: {type(error).__name__} at {_place(error)}. Nothing more was released.\n")
    else:
        sys.exit(0)
    sys.exit(1)


def _leave_no_image() -> None:
    """Keep the system from writing this process's memory to a file when it crashes: rows and keys are in it."""
    with suppress(ImportError):  # another system, which has no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _place(error: BaseException) -> str:
    """Return the innermost line of this program that *error* passed."""
    place, trace = "an unknown place", error.__traceback__
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if "sekisho" in path.parts:
            place = f"{path.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
