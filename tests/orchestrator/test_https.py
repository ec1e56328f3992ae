"""Documents over https through real proxies: the host's word and nobody else's."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.https import HttpsDocuments
from tests.issuers import Issuer, issuing, page
from tests.proxying import proxying

BYTES_MAX = 10_000
PATH = "/.well-known/openid-configuration"


def documents(issuer: Issuer, folder: Path, environment: Mapping[str, str]) -> HttpsDocuments:
    return HttpsDocuments(issuer.ca(folder), "oidc_ca", 30.0, environment)


async def test_what_a_proxy_says_before_tls_is_not_the_host_s_word(tmp_path: Path) -> None:
    """Or whoever sits between it and us: keys of tokens come by this way."""
    async with issuing() as issuer, proxying() as proxy:
        proxy.beyond = page(b"forged")
        read = documents(issuer, tmp_path, {"HTTPS_PROXY": proxy.url})
        found = await read.get(f"{issuer.url}{PATH}", BYTES_MAX)
    assert b"forged" not in found
    assert issuer.asked == [PATH]


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:99999/keys", "https://[::1/keys", "https://" + "a" * 70 + ".x/"]
)
async def test_an_address_that_is_none_is_no_defect(url: str, tmp_path: Path) -> None:
    async with issuing() as issuer:
        with pytest.raises(FieldwiseError) as caught:
            await documents(issuer, tmp_path, {}).get(url, BYTES_MAX)
    assert caught.value.fault is Fault.UNAVAILABLE
