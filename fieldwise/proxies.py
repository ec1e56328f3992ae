"""HTTP proxies: which one a connection goes through, by one rule for calls and for links.

A program's own setting comes before the environment, and ``no_proxy`` before both, as gRPC itself
has it. Only proxies that are asked by ``CONNECT`` in the clear are meant: what passes through is
TLS from end to end, so a proxy sees where a device connects to and nothing else.
"""

import base64
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from fieldwise.errors import Fault, FieldwiseError

NONE = "none"  # the setting's word for a direct connection, whatever the environment says
# In gRPC's order, which takes the lower case alone; programs beside it take the upper case as well.
VARIABLES = ("grpc_proxy", "https_proxy", "HTTPS_PROXY", "http_proxy")
EXCEPTIONS = ("no_grpc_proxy", "no_proxy", "NO_PROXY")
PORT = 3128  # what most proxies listen on; an address without a port means that
TEXT_CHARACTERS_MAX = 1024
HOST = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:-]{0,252}")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and who asks it; ``str`` names it without the password."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """How gRPC and urllib are told of it, the password included."""
        own = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@" if self.user else ""
        return f"http://{own}{self}"

    @property
    def authorization(self) -> str:
        """Value of the header Proxy-Authorization; empty without a user."""
        if not self.user:
            return ""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def chosen_proxy(host: str, named: str, environment: Mapping[str, str]) -> Proxy | None:
    """Return the proxy through which a host is reached; None for a direct connection.

    Args:
        host: Where to, bare.
        named: The program's own setting; empty for what the environment says.
        environment: Variables.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` where what is named is no proxy.
    """
    if named == NONE or is_excepted(host, _first(EXCEPTIONS, environment)):
        return None
    text = named or _first(VARIABLES, environment)
    return parse_proxy(text) if text else None


def parse_proxy(text: str) -> Proxy:
    """Read "http://USER:PASSWORD@HOST:PORT"; all but HOST may be left out.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for anything else; no password is repeated.
    """
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        raise _unfit("it is no address") from None
    if parts.scheme.lower() != "http":
        raise _unfit(f"its scheme is {parts.scheme[:16]!r}")
    if len(text) > TEXT_CHARACTERS_MAX or not HOST.fullmatch(host) or port == 0:
        raise _unfit("its host or port is none")
    if not (user + password).isprintable() or parts.path.strip("/") or parts.query:
        raise _unfit("there is more in it than a user, a password, a host and a port")
    return Proxy(host, PORT if port is None else port, user, password)


def is_excepted(host: str, exceptions: str) -> bool:
    """Tell whether a list such as "example.com, 10.0.0.0/8" takes a host out."""
    wanted = host.lower().rstrip(".")
    return any(_covers(each.strip().lower(), wanted) for each in exceptions.split(","))


def _covers(exception: str, host: str) -> bool:
    if exception == "*":
        return bool(host)
    name = exception.removeprefix("*").lstrip(".").rstrip(".").strip("[]")
    if name and (host == name or host.endswith(f".{name}")):
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False


def _first(names: tuple[str, ...], environment: Mapping[str, str]) -> str:
    return next((found for each in names if (found := environment.get(each, "").strip())), "")


def _unfit(reason: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.INVALID_ARGUMENT,
        f"the proxy that is named is not of the form http://USER:PASSWORD@HOST:PORT: {reason}",
    )
