"""The server's own certificate: made at every start, made again before it ends.

Its key never touches a disk. gRPC asks for the certificate at each new connection, so a fresh one
is in use from the next connection on; old connections end with their age. Nothing is given where
nothing has changed: gRPC (1.85) puts what it is given in the place of what handshakes on its other
threads are using, counts references there without a lock, and ends the process when that goes
wrong. Whoever opened a few connections at once could do that. It also parsed keys each time.
"""

from collections.abc import Sequence

import grpc

from fieldwise.identity import certificate_pem, generate_key, key_pem
from orchestrator.enrolment.authority import Signing
from orchestrator.ports import Clock

RENEWED_AT = 2 / 3  # of its life; a clock that is wrong by a month does no harm yet


class ServerCertificate:
    """The server's name under the fleet's authority, always fresh.

    Args:
        authority: What signs it.
        hosts: Names and addresses under which the server is reached.
        clock: What time it is.
    """

    def __init__(self, authority: Signing, hosts: Sequence[str], clock: Clock) -> None:
        self._authority = authority
        self._hosts = tuple(hosts)
        self._clock = clock
        self._renew_at = 0.0
        self._signed_under = 0
        self._pair = (b"", b"")

    def pair(self) -> tuple[bytes, bytes]:
        """Return key and certificates as PEM.

        They are new after two thirds of the old's life, and when another authority signs.
        """
        now, under = self._clock.now(), self._authority.trust_revision
        if now >= self._renew_at or under != self._signed_under:
            key = generate_key()
            certificate = self._authority.sign_server(key.public_key(), self._hosts, now)
            life = certificate.not_valid_after_utc.timestamp() - now
            self._renew_at = now + RENEWED_AT * life
            chain = b"".join(map(certificate_pem, (certificate, *self._authority.shown)))
            self._pair, self._signed_under = (key_pem(key), chain), under
        return self._pair

    def credentials(self, *, devices_only: bool) -> grpc.ServerCredentials:
        """Return credentials of a port, with or without a device's certificate asked for."""
        given = self.pair()

        def configured(pair: tuple[bytes, bytes]) -> grpc.ServerCertificateConfiguration:
            # What is trusted changes with what signs, so whoever has a new pair has new roots.
            trusted = b"".join(map(certificate_pem, self._authority.trusted))
            roots = trusted if devices_only else None
            return grpc.ssl_server_certificate_configuration([pair], roots)

        def changed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal given
            pair = self.pair()
            if pair == given:
                return None
            given = pair
            return configured(pair)

        return grpc.dynamic_ssl_server_credentials(
            configured(given),
            changed,  # type: ignore[arg-type]  # None says that nothing has changed
            require_client_authentication=devices_only,
        )
