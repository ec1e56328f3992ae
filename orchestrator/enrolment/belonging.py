"""Whose database it is: no replica serves devices under another authority than all others.

Every device trusts one root. Two replicas that found a fleet each, on first start at the same time
and without a folder in common, would split the devices between them; so the first that reaches the
database says whose it is, and every other has to be of the same fleet.
"""

import hashlib

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import certificate_der
from orchestrator.enrolment.authority import Authority
from orchestrator.replica_ports import Installation, InstallationStore


def installation_of(authority: Authority) -> Installation:
    """Return to whom an authority's database belongs."""
    root = hashlib.sha256(certificate_der(authority.certificate)).hexdigest()
    return Installation(authority.fleet, root)


async def check_installation(store: InstallationStore, authority: Authority) -> None:
    """Let a replica use a database that is its fleet's, or nobody's yet.

    Raises:
        FieldwiseError: ``AUTHORITY_UNUSABLE``, or ``UNAVAILABLE`` without the store.
    """
    ours = installation_of(authority)
    kept = await store.belong_to(ours)
    if kept != ours:
        raise FieldwiseError(
            Fault.AUTHORITY_UNUSABLE,
            f"the database belongs to the fleet {kept.fleet[:64]!r} by another authority than this "
            "one; give every replica the same authority_file",
        )
