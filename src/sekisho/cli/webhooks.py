"""``sekisho webhooks``: who hears of changes of consent, and whether it arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sekisho.cli.running import (
    DEFAULT_WORKSPACE,
    JsonOption,
    RequesterOption,
    WorkspaceOption,
    answer,
    answer_json,
    answer_table,
    requester_named,
    with_workspace,
)

if TYPE_CHECKING:
    from sekisho.bootstrap import Workspace
    from sekisho.domain.webhooks import Delivery, Webhook

app = typer.Typer(help="See, add and replay webhooks of consent changes.", no_args_is_help=True)

WebhookArgument = Annotated[str, typer.Argument(help="Id of the webhook.", metavar="ID")]


@app.command("list", epilog="Example: sekisho webhooks list --requester privacy_office")
def list_webhooks(
    requester: RequesterOption,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """List the webhooks of a requester; the privacy officer's list has everybody's."""

    async def look(opened: Workspace) -> list[Webhook]:
        return await opened.consents.webhooks.listed(requester_named(opened, requester))

    found = with_workspace(workspace, look)
    columns = ("id", "requester", "url", "after_seq", "paused", "waiting", "dead")
    rows = [[getattr(webhook, column) for column in columns] for webhook in found]
    if as_json:
        answer_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    answer_table(columns, rows)


@app.command(epilog="Example: sekisho webhooks add https://crm.example.com/consent --requester recommender")
def add(
    url: Annotated[str, typer.Argument(help="Where events are sent: https, port 443 or 8443.")],
    requester: RequesterOption,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Add a webhook, and print the secret that signs its events: it is told once."""

    async def create(opened: Workspace) -> tuple[Webhook, str]:
        return await opened.consents.webhooks.create(requester_named(opened, requester), url)

    webhook, secret = with_workspace(workspace, create)
    if as_json:
        answer_json({"id": webhook.id, "secret": secret})
        return
    answer(f"Webhook {webhook.id} hears of events after sequence {webhook.after_seq}. Its secret, told once:")
    answer(secret)


@app.command(epilog="Example: sekisho webhooks deliveries ID --requester recommender --status dead")
def deliveries(
    webhook: WebhookArgument,
    requester: RequesterOption,
    status: Annotated[str | None, typer.Option(help="waiting, delivered or dead.", show_default=False)] = None,
    after_seq: Annotated[int, typer.Option(min=0, help="Show what follows on this sequence.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Most lines.")] = 100,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Show what was sent, how often it was tried, and when it arrived."""

    async def look(opened: Workspace) -> list[Delivery]:
        asking = requester_named(opened, requester)
        return await opened.consents.webhooks.deliveries(asking, webhook, status, after_seq, limit)

    found = with_workspace(workspace, look)
    columns = ("seq", "status", "attempts", "next_at", "delivered_at", "response", "fault")
    rows = [[getattr(delivery, column) for column in columns] for delivery in found]
    if as_json:
        answer_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    answer_table(columns, rows)


@app.command(epilog="Example: sekisho webhooks replay ID --after-seq 120 --requester recommender")
def replay(
    webhook: WebhookArgument,
    requester: RequesterOption,
    after_seq: Annotated[int, typer.Option(min=0, help="Send every event after this sequence again.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Send events again, in order, under the ids that they had; the running service does the sending."""

    async def again(opened: Workspace) -> None:
        await opened.consents.webhooks.replay(requester_named(opened, requester), webhook, after_seq)

    with_workspace(workspace, again)
    answer(f"Events after sequence {after_seq} go out again.")


@app.command(epilog="Example: sekisho webhooks delete ID --requester recommender")
def delete(
    webhook: WebhookArgument,
    requester: RequesterOption,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Send nothing more to a webhook, and forget its URL and secret."""

    async def forget(opened: Workspace) -> None:
        await opened.consents.webhooks.delete(requester_named(opened, requester), webhook)

    with_workspace(workspace, forget)
    answer(f"Webhook {webhook} is deleted.")
