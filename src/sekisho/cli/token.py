"""``sekisho token``."""

from __future__ import annotations

from typing import Annotated

import typer

from sekisho.cli.running import DEFAULT_WORKSPACE, WorkspaceOption, answer


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command(
        epilog='Example: curl -H "Authorization: Bearer $(sekisho token --requester recommender)" '
        "http://127.0.0.1:8000/v1/datasets"
    )(token)


def token(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    requester: Annotated[
        str | None, typer.Option("--requester", "-r", help="A requester of sekisho.yaml.", show_default=False)
    ] = None,
    data_subject: Annotated[
        str | None,
        typer.Option(help="A customer, as TYPE:VALUE (customer_id:12347).", show_default=False),
    ] = None,
    ttl: Annotated[int, typer.Option(help="Seconds until it expires, a day at most.")] = 3600,
) -> None:
    """Print a bearer token from the embedded issuer; for trying out, on one machine."""
    if (requester is None) == (data_subject is None):
        raise typer.BadParameter("name one of --requester and --data-subject")
    from sekisho.adapters.clock import SystemClock
    from sekisho.adapters.identity import EmbeddedIssuer
    from sekisho.adapters.keyring import open_keys
    from sekisho.errors import WorkspaceError
    from sekisho.settings import load

    settings = load(workspace)
    if not settings.identity.embedded:
        raise WorkspaceError("This workspace has an identity provider of its own; ask that one for a token.")
    issuer = EmbeddedIssuer(open_keys(settings), settings.identity, settings.catalogue.requesters, SystemClock())
    if requester is not None:
        answer(issuer.requester_token(requester, ttl))
    else:
        answer(issuer.data_subject_token(data_subject or "", ttl))
