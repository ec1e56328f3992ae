"""What no single setting can say of itself: addresses, URLs, and settings that belong together.

Each rule returns its mistakes as sentences that begin with the setting's name.
"""

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fieldwise.channel import split_address
from fieldwise.errors import FieldwiseError
from orchestrator.enrolment.admission_rules import Way, parse_rule
from orchestrator.people.claims import mapped
from orchestrator.rights import OperatorLogin

if TYPE_CHECKING:
    from orchestrator.config import OrchestratorSettings

TOLD = ("device_address", "operator_address", "federation_address")  # to others
DATABASES = ("sqlite://", "postgresql://")

# Labels of letters, digits, hyphens and underscores: what a certificate may name. No wildcards,
# as a ticket names one place.
HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*")
# A bucket's name as Amazon allows it, and a prefix that needs no escaping.
BUCKET = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_.-]{1,128}){0,8}/?"

# What Kubernetes takes for the name of a namespace, and of an object.
NAMESPACE = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
OBJECT = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"


def mistakes_of(given: "OrchestratorSettings") -> list[str]:
    """Return what is wrong with settings that are each well formed."""
    rules = (
        _bad_addresses,
        _bad_hosts,
        _bad_urls,
        _bad_bundle_places,
        _bad_pace,
        _bad_login,
        _bad_jobs,
        _bad_admission,
    )
    return [mistake for rule in rules for mistake in rule(given)]


def _bad_addresses(given: "OrchestratorSettings") -> list[str]:
    places = ["device_listen", "operator_listen", "metrics_listen"]
    places += [name for name in ("health_listen", *TOLD) if getattr(given, name)]
    return [f"{name}: {found}" for name in places if (found := _address_mistake(given, name))]


def _bad_hosts(given: "OrchestratorSettings") -> list[str]:
    hosts = [("advertise_hosts", host) for host in given.advertise_hosts]
    hosts += [
        (name, split_address(getattr(given, name))[0])
        for name in TOLD
        if getattr(given, name) and not _address_mistake(given, name)
    ]
    return [
        f"{name}: {host[:80]!r} is neither a host name nor an IP address"
        for name, host in hosts
        if not _is_host(host)
    ]


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return HOST.fullmatch(host) is not None
    return "%" not in host  # an interface of this machine means nothing to another


def _address_mistake(given: "OrchestratorSettings", name: str) -> str:
    try:
        split_address(getattr(given, name))
    except FieldwiseError as error:
        return error.sentence
    return ""


def _bad_pace(given: "OrchestratorSettings") -> list[str]:
    busy, idle = given.busy_check_in_seconds, given.check_in_seconds
    if busy is None or busy <= idle:
        return []
    return [f"busy_check_in_seconds = {busy} is above check_in_seconds = {idle}"]


def _bad_login(given: "OrchestratorSettings") -> list[str]:
    login, mistakes = given.operator_login, []
    if given.operator_token and login is not OperatorLogin.TOKEN:
        mistakes.append(f"operator_token opens nothing where operator_login is {login}")
    if login is not OperatorLogin.OIDC:
        idle = [name for name in ("oidc_issuer", "oidc_roles", "oidc_ca") if getattr(given, name)]
        without = "means nothing without operator_login = oidc"
        return [*mistakes, *(f"{name} {without}" for name in idle)]
    if not given.oidc_issuer:
        mistakes.append("oidc_issuer is needed where operator_login is oidc")
    elif not is_https(given.oidc_issuer):
        mistakes.append("oidc_issuer is not of the form https://HOST:PORT/PATH")
    if not given.oidc_roles:
        mistakes.append("oidc_roles gives nobody a role, and operator_login is oidc")
    return mistakes + _bad_roles(given)


def _bad_roles(given: "OrchestratorSettings") -> list[str]:
    try:
        mapped(given.oidc_roles)
    except FieldwiseError as error:
        return [f"oidc_roles: {error.sentence}"]
    return []


def _bad_jobs(given: "OrchestratorSettings") -> list[str]:
    if given.federation_address and given.federation_job is None:
        return ["federation_address means nothing without federation_job"]
    return []


def _bad_admission(given: "OrchestratorSettings") -> list[str]:
    mistakes = []
    for rule in given.admission_rules:
        try:
            parse_rule(rule)
        except FieldwiseError as error:
            mistakes.append(f"admission_rules: {error.sentence}")
    if given.admission_webhook and not is_https(given.admission_webhook):
        mistakes.append("admission_webhook is not of the form https://HOST:PORT/PATH")
    needed = {Way.RULES: "admission_rules", Way.WEBHOOK: "admission_webhook"}
    for way, name in needed.items():
        if given.admission is way and not getattr(given, name):
            mistakes.append(f"admission is {way}, which needs {name}")
        if given.admission is not way and getattr(given, name):
            mistakes.append(f"{name} means nothing while admission is {given.admission}")
    about = ("admission_webhook_ca", "admission_webhook_secret_file")
    idle = [name for name in about if getattr(given, name) and not given.admission_webhook]
    return [*mistakes, *(f"{name} means nothing without admission_webhook" for name in idle)]


def is_https(text: str) -> bool:
    """Tell whether a text is https, a host, a path, perhaps port and query, and nothing else."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    plain = text.isascii() and text.isprintable() and " " not in text
    placed = _is_host(host) and "@" not in parts.netloc and port != 0 and "#" not in text
    return plain and placed and parts.scheme == "https"


def _bad_urls(given: "OrchestratorSettings") -> list[str]:
    mistakes = []
    if given.database_url and not given.database_url.startswith(DATABASES):
        mistakes.append(f"database_url begins with none of {', '.join(DATABASES)}")
    endpoints = ("bundle_endpoint", "bundle_public_endpoint")
    wrong = [each for each in endpoints if (text := getattr(given, each)) and not is_endpoint(text)]
    return [*mistakes, *(f"{name} is not of the form https://HOST:PORT" for name in wrong)]


def is_endpoint(text: str) -> bool:
    """Tell whether a text is scheme, host and perhaps port, and nothing else."""
    try:
        parts = urlsplit(text)
        place = parts.hostname or ""
        rebuilt = f"{parts.scheme}://{parts.netloc}"
        port = parts.port
    except ValueError:
        return False
    named = _is_host(place) and "@" not in parts.netloc and port != 0
    return parts.scheme in {"http", "https"} and named and text in {rebuilt, f"{rebuilt}/"}


def _bad_bundle_places(given: "OrchestratorSettings") -> list[str]:
    mistakes = []
    if given.bundle_url and given.bundle_folder is not None:
        mistakes.append("bundle_url and bundle_folder cannot both be where bundles are kept")
    about = (
        "bundle_endpoint",
        "bundle_public_endpoint",
        "bundle_region",
        "bundle_access_key",
        "bundle_secret_key",
    )
    idle = [name for name in about if getattr(given, name)]
    if idle and not given.bundle_url:
        mistakes.append(f"{idle[0]} means nothing without bundle_url")
    if bool(given.bundle_access_key) is not bool(given.bundle_secret_key):
        mistakes.append("bundle_access_key and bundle_secret_key go together")
    return mistakes
