"""Between messages about accounts and their views, total both ways."""

from fieldwise.v1alpha1 import account_pb2 as messages
from orchestrator.people.account_views import AccountView
from orchestrator.people.roles import Role
from orchestrator.rpc.translate import word_from, words
from orchestrator.rpc.translate_views import moment_from, moment_to, optional

ROLES = words(Role, messages.AccountRole, "ACCOUNT_ROLE")


def role_from(value: int) -> Role:
    """Read a role.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for none that this version knows.
    """
    return word_from(ROLES, value, "role")


def account_from(message: messages.Account) -> AccountView:
    return AccountView(
        id=message.id,
        name=message.name,
        role=role_from(message.role),
        created_at=moment_from(message.create_time),
        created_by=message.create_by,
        expires_at=optional(message, "expire_time", moment_from),
        revoked_at=optional(message, "revoke_time", moment_from),
    )


def account_to(account: AccountView) -> messages.Account:
    return messages.Account(
        id=account.id,
        name=account.name,
        role=ROLES[account.role],
        create_time=moment_to(account.created_at),
        create_by=account.created_by,
        expire_time=moment_to(account.expires_at) if account.expires_at else None,
        revoke_time=moment_to(account.revoked_at) if account.revoked_at else None,
    )
