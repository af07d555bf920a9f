"""``sekisho keys``: what may be told about the keys, never a secret."""

from __future__ import annotations

import typer

from sekisho.cli.running import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, answer_json, answer_table

app = typer.Typer(help="The workspace's keys; only public halves are shown.", no_args_is_help=True)


@app.command(epilog="Example: sekisho keys show --json")
def show(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Show the key that verifies the audit log, the key epoch, and the token issuer's public key."""
    from sekisho.adapters.identity.jwks import public_jwk
    from sekisho.adapters.keyring import open_keys
    from sekisho.settings import load

    ring = open_keys(load(workspace))
    jwk = public_jwk(ring.token_public_key())
    if as_json:
        answer_json({"audit_verification_key": ring.verification_key(), "epoch": ring.epoch, "token_issuer": jwk})
    else:
        answer_table(
            ("key", "public value"),
            [
                ("audit log (audit verify --key)", ring.verification_key()),
                ("epoch of pseudonyms", ring.epoch),
                ("token issuer (kid)", jwk.get("kid")),
            ],
        )
