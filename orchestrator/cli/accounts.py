"""``fieldwise account``: who operates, where the orchestrator itself knows people."""

from typing import Annotated

import typer
from rich.text import Text

from orchestrator.cli.output import Shown, ago, facts, local, seconds_from, table
from orchestrator.cli.remote import collect, more, remote
from orchestrator.people.account_views import AccountView
from orchestrator.people.roles import Role
from orchestrator.rpc.client import OperatorClient

app = typer.Typer(no_args_is_help=True, help="Accounts: who operates, and what they may do.")

NEVER = "never"

Name = Annotated[str, typer.Argument(help="Name of the account: alice, or ci@plant-7.")]
Limit = Annotated[int, typer.Option(min=0, help="How many to show; 0 for all.")]


@remote(app, "create")
async def create(
    client: OperatorClient,
    name: Name,
    *,
    role: Annotated[Role, typer.Option(help="What it may do.")],
    expires: Annotated[
        str, typer.Option(help="How long its token is good: 12h, 90d, or never.")
    ] = "90d",
) -> Shown:
    """Make an account and print its token; it is shown only this once."""
    lifetime = 0 if expires == NEVER else seconds_from(expires)
    created = await client.accounts.create(name, role, lifetime)
    account = created.account
    until = f"until {local(account.expires_at)}" if account.expires_at else "until it is revoked"
    return Shown(
        {"token": created.token, "account": account},
        lambda: Text(created.token),
        note=f"Account {account.name}, {account.role}, {until}. "
        "Whoever has the token gives it as FIELDWISE_TOKEN or by --token-file.",
    )


@remote(app, "list")
async def list_accounts(client: OperatorClient, *, limit: Limit = 100) -> Shown:
    """List accounts, newest first; those that were revoked stay in the list."""
    found, cut = await collect(client.accounts.list, limit)
    columns = ("account", "role", "created", "by", "expires", "revoked", "id")
    return Shown(found, lambda: table(columns, map(_row, found)), note=more(cut, limit))


@remote(app, "revoke")
async def revoke(client: OperatorClient, name: Name) -> Shown:
    """Let the token of an account open nothing from now on."""
    revoked = await client.accounts.revoke(name)
    return Shown(revoked, lambda: facts([("revoked", revoked.name), ("role", revoked.role)]))


def _row(account: AccountView) -> tuple[str, ...]:
    return (
        account.name,
        account.role,
        ago(account.created_at),
        account.created_by,
        ago(account.expires_at) if account.expires_at else NEVER,
        ago(account.revoked_at) if account.revoked_at else "",
        account.id,
    )
