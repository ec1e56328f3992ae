"""The floor of a check-in: a bare grpc.aio server with mutual TLS that does nothing at all.

    python -m benchmarks.checkin_bare KEY CERTIFICATE ROOTS RESPONSE

Names of files. It listens on a free port of the loopback, prints that, and answers until it is
ended. The method ``Empty``
takes an empty message and gives one. ``Sized`` takes and gives the very messages of a check-in,
parsed and serialised by the stubs, and looks into neither. There is no layer around either.
"""

import argparse
import asyncio
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from fieldwise.channel import ServerLimits, server_options
from fieldwise.v1alpha1 import device_pb2

SERVICE = "fieldwise.benchmarks.Bare"


def _handlers(response: device_pb2.CheckInResponse) -> grpc.GenericRpcHandler:
    async def empty(_request: Any, _context: Any) -> Empty:
        return Empty()

    async def sized(_request: Any, _context: Any) -> device_pb2.CheckInResponse:
        return response

    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "Empty": grpc.unary_unary_rpc_method_handler(
                empty,
                request_deserializer=Empty.FromString,
                response_serializer=Empty.SerializeToString,
            ),
            "Sized": grpc.unary_unary_rpc_method_handler(
                sized,
                request_deserializer=device_pb2.CheckInRequest.FromString,
                response_serializer=device_pb2.CheckInResponse.SerializeToString,
            ),
        },
    )


async def serve(key: bytes, certificate: bytes, roots: bytes, response: bytes) -> None:
    credentials = grpc.ssl_server_credentials(
        [(key, certificate)], root_certificates=roots, require_client_auth=True
    )
    server = grpc.aio.server(options=server_options(ServerLimits()))
    told = device_pb2.CheckInResponse.FromString(response)
    server.add_generic_rpc_handlers((_handlers(told),))
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("key", "certificate", "roots", "response"):
        parser.add_argument(name, type=Path)
    asked = parser.parse_args()
    files = (asked.key, asked.certificate, asked.roots, asked.response)
    asyncio.run(serve(*(each.read_bytes() for each in files)))


if __name__ == "__main__":
    main()
