"""What an aggregator shows to be let in: the right to work on one campaign, and to nothing else.

A token is the campaign's id and a secret of 32 random bytes. The store holds only the SHA-256 of
the whole: who reads the database cannot work with it, and a slow hash would add nothing to so many
random bits. One token of a campaign is in force, the newest: who starts a worker gives it a token
of its own, and the one before is worth nothing from then on. So of two aggregators of a campaign,
as after a change of leaders, the older is shut out whatever it believes.
"""

import base64
import hashlib
import hmac
import re

SECRET_BYTES = 32
CAMPAIGN = "c[1-9][0-9]{0,17}"  # what a campaign's id looks like
_TOKEN = re.compile(rf"({CAMPAIGN})\.[A-Za-z0-9_-]{{43}}")


def worker_token(campaign: str, secret: bytes) -> str:
    """Write a token.

    Args:
        campaign: Its id.
        secret: ``SECRET_BYTES`` random bytes.
    """
    assert len(secret) == SECRET_BYTES
    return f"{campaign}.{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"


def campaign_of(token: str) -> str | None:
    """Return the id of the campaign that a token says it is for; None for what is no token."""
    found = _TOKEN.fullmatch(token)
    return found[1] if found else None


def token_digest(token: str) -> str:
    """Return what is kept of a token: SHA-256, hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_in_force(token: str, kept: str | None) -> bool:
    """Compare a token with what is kept of the one in force, in the same time whatever differs."""
    matches = hmac.compare_digest(token_digest(token), kept or "")
    return matches and kept is not None
