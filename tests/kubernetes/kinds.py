"""What kinds of objects an API server has, as it tells itself."""

from dataclasses import dataclass

from tests.kubernetes.api import ApiServer


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource in the version that the server prefers.

    Attributes:
        name: In the plural; of a part of one, as ``pods/status``.
        kind: As objects tell it.
        group: Empty for the oldest.
        path: Where all of them are listed.
    """

    name: str
    kind: str
    group: str
    path: str
    namespaced: bool
    verbs: frozenset[str]


def kinds_of(server: ApiServer) -> list[Kind]:
    """Every kind that the server knows, with those that custom resources define."""
    groups = server.get("/apis")["groups"]
    preferred = [(each["name"], each["preferredVersion"]["groupVersion"]) for each in groups]
    places = [("", "/api/v1"), *((group, f"/apis/{version}") for group, version in preferred)]
    return [
        Kind(
            each["name"],
            each["kind"],
            group,
            f"{place}/{each['name']}",
            each["namespaced"],
            frozenset(each["verbs"]),
        )
        for group, place in places
        for each in server.get(place)["resources"]
    ]
