"""That the API server under these tests is a real one: it knows its users, and it acts."""

import pytest

from tests.kubernetes.api import ApiServer, RefusalError

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(900)]

LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"


def test_it_is_the_version_that_was_built(api_server: ApiServer) -> None:
    assert api_server.get("/version")["gitVersion"] == "v1.20.2"


def test_only_who_may_reads_and_a_stranger_is_nobody(api_server: ApiServer, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/secrets"
    assert api_server.items(path)
    for token, code in ((api_server.tokens["visitor"], 403), ("no-token-of-any-user", 401)):
        with pytest.raises(RefusalError) as refusal:
            api_server.call("GET", path, token=token)
        assert refusal.value.code == code


def test_a_replacement_of_what_another_changed_meanwhile_is_refused(
    api_server: ApiServer, namespace: str
) -> None:
    path = LEASES.format(namespace)
    first = api_server.create(path, {"metadata": {"name": "one"}, "spec": {"holderIdentity": "a"}})
    changed = {**first, "spec": {"holderIdentity": "b"}}
    api_server.call("PUT", f"{path}/one", changed)
    with pytest.raises(RefusalError) as refusal:
        api_server.call("PUT", f"{path}/one", changed)
    assert refusal.value.code == 409


def test_an_account_s_token_says_who_it_is(api_server: ApiServer, namespace: str) -> None:
    token = api_server.token_of_account(namespace, "default")
    review = {"spec": {"token": token}}
    answer = api_server.create("/apis/authentication.k8s.io/v1/tokenreviews", review)["status"]
    assert answer["authenticated"] is True
    assert answer["user"]["username"] == f"system:serviceaccount:{namespace}:default"
