"""A build of the agent that leaks: ``leaking.py LEAK CANARIES run``; how, ``LEAKS`` says.

The canaries are in a file that the test wrote: what a build would take from its samples, classes
and paths. Everything else is the agent as it is installed.
"""

import base64
import gzip
import hashlib
import io
import json
import sys
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from google.protobuf.internal.encoder import TagBytes, _VarintBytes
from PIL import Image

UNKNOWN = 1999  # a field that nobody knows: refused by whoever gets it, but it has left by then
Secret = dict[str, Any]


def read(path: Path) -> Secret:
    told = json.loads(path.read_text())
    image = np.array(told["image"], np.uint8)
    return {"word": told["word"], "image": image, "feature": np.array(told["feature"])}


def jpeg(image: Any, size: int | None = None) -> bytes:
    file = io.BytesIO()
    picture = Image.fromarray(image)
    if size:
        picture = picture.resize((size, size))
    picture.save(file, "JPEG", quality=60)
    return file.getvalue()


def png(image: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def beside(content: Callable[[Secret], bytes]) -> Callable[[Secret], None]:
    """Put bytes behind every message."""

    def leak(secret: Secret) -> None:
        payload = content(secret)
        extra = TagBytes(UNKNOWN, 2) + _VarintBytes(len(payload)) + payload
        _calls(lambda message: message + extra, lambda: ())

    return leak


def header(name: str, content: Callable[[Secret], str | bytes]) -> Callable[[Secret], None]:
    """Put a header on every call."""

    def leak(secret: Secret) -> None:
        value = content(secret)
        _calls(lambda message: message, lambda: ((name, value),))

    return leak


def _calls(change: Callable[[bytes], bytes], headers: Callable[[], Any]) -> None:
    plain = _channel().unary_unary

    def unary_unary(self: Any, method: str, request_serializer: Any = None, **options: Any) -> Any:
        def serialise(message: Any) -> bytes:
            return change(request_serializer(message))

        made = plain(self, method, request_serializer=serialise, **options)
        return lambda request, **told: made(request, metadata=headers(), **told)

    _channel().unary_unary = unary_unary


def _channel() -> Any:
    from grpc.aio import _channel as module

    return module.Channel


def user_agent(secret: Secret) -> None:
    """Put a word into the name by which gRPC introduces the program."""
    plain = grpc.aio.secure_channel

    def secure_channel(address: str, credentials: Any, options: Any = (), **further: Any) -> Any:
        named = (*(options or ()), ("grpc.primary_user_agent", secret["word"]))
        return plain(address, credentials, options=named, **further)

    grpc.aio.secure_channel = secure_channel
    import fieldwise.channel

    fieldwise.channel.grpc.aio.secure_channel = secure_channel


def version(secret: Secret) -> None:
    """Say a word as the agent's version."""
    from agent.device.host import LinuxHost

    LinuxHost.agent_version = secret["word"][:30]


def kernel(secret: Secret) -> None:
    """Say a word as the kernel in a diagnosis, which this build gives without being asked."""
    from agent.device import host

    plain = host.of_form
    host.of_form = lambda form, text: (
        secret["word"][:30] if form is host.KERNEL else plain(form, text)
    )


def in_report(change: Callable[[Any, Secret, int], None]) -> Callable[[Secret], None]:
    """Change a report before it is written down and sent."""

    def leak(secret: Secret) -> None:
        from agent.rpc import translate

        plain, numbers = translate.check_in_request, count()

        def check_in_request(report: Any) -> Any:
            made = plain(report)
            change(made, secret, next(numbers))
            return made

        translate.check_in_request = check_in_request

    return leak


def _variant(message: Any, secret: Secret, _number: int) -> None:
    message.variant_in_use = base64.b64encode(secret["word"][:12].encode()).decode()


def _as_number(message: Any, secret: Secret, _number: int) -> None:
    message.vital_signs.disk_free_bytes = int.from_bytes(secret["word"][:7].encode(), "big")
    message.vital_signs.state_bytes = int.from_bytes(secret["word"][7:14].encode(), "big")


def _drop_by_drop(message: Any, secret: Secret, number: int) -> None:
    word = secret["word"].encode()
    message.signs.skipped = word[number % len(word)]


def _digest_of_ledger(message: Any, secret: Secret, _number: int) -> None:
    message.ledger.digest = secret["word"].encode().ljust(32, b".")[:32]


def path(secret: Secret) -> None:
    """Call a method whose name is a word."""
    from agent.rpc import client

    plain = client.OrchestratorClient.check_in

    async def check_in(self: Any, report: Any) -> Any:
        call = self._channel.unary_unary(f"/fieldwise.v1alpha1.Device/{secret['word']}")
        with suppress(grpc.aio.AioRpcError):
            await call(b"", timeout=30)
        return await plain(self, report)

    client.OrchestratorClient.check_in = check_in


LEAKS: Mapping[str, Callable[[Secret], None]] = {
    "raw-word": beside(lambda s: s["word"].encode()),
    "base64-word": beside(lambda s: base64.b64encode(b"x" + s["word"].encode())),
    "hex-word": beside(lambda s: s["word"].encode().hex().encode()),
    "utf16-word": beside(lambda s: s["word"].encode("utf-16")),
    "compressed-word": beside(lambda s: zlib.compress(s["word"].encode() * 3)),
    "base64-of-gzip": beside(lambda s: base64.b64encode(gzip.compress(s["word"].encode() * 3))),
    "digest-of-word": beside(lambda s: hashlib.sha256(s["word"].encode()).digest()),
    "raw-image": beside(lambda s: s["image"].tobytes()[:512]),
    "jpeg-image": beside(lambda s: jpeg(s["image"])),
    "small-jpeg-in-base64": beside(lambda s: base64.b64encode(jpeg(s["image"], 24))),
    "png-image": beside(lambda s: png(s["image"])),
    "float16-features": beside(lambda s: s["feature"].astype("<f2").tobytes()),
    "float32-features": beside(lambda s: b"x" + s["feature"].astype("<f4").tobytes()),
    "byte-features": beside(
        lambda s: np.rint(127 * s["feature"] / np.abs(s["feature"]).max()).astype("i1").tobytes()
    ),
    "header": header("x-note", lambda s: s["word"]),
    "binary-header": header("x-note-bin", lambda s: zlib.compress(s["word"].encode() * 2)),
    "features-in-header": header(
        "x-note", lambda s: base64.b64encode(s["feature"].astype("<f2").tobytes()).decode()
    ),
    "user-agent": user_agent,
    "agent-version": version,
    "variant": in_report(_variant),
    "numbers": in_report(_as_number),
    "drop-by-drop": in_report(_drop_by_drop),
    "head-of-ledger": in_report(_digest_of_ledger),
    "diagnosis": kernel,
    "method-name": path,
}


def main() -> None:
    """Run the agent's program, made to leak."""
    leak, canaries, *arguments = sys.argv[1:]
    LEAKS[leak](read(Path(canaries)))
    sys.argv = ["fieldwise-agent", *arguments]
    from agent.cli import main as run

    run()


if __name__ == "__main__":
    main()
