"""A name server on 127.0.0.1 (UDP and TCP on one port) whose answers a test changes while programs ask."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from .sockets import HeldPort

Zone = dict[tuple[str, str], list[str]]


def _held_for_both() -> tuple[HeldPort, socket.socket]:
    """A port of TCP and the same of UDP, which somebody may have as the port of a client."""
    while True:
        held, udp = HeldPort(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind((held.host, held.port))
        except OSError:
            held.close()
            udp.close()
        else:
            return held, udp


class NameServer:
    """`zone`: records by (name, type); a name with no record at all does not exist.

    fails: answer everything with that rcode ("REFUSED", "SERVFAIL"), "silent" for no answer. asked: (name, type) of each query.
    """

    def __init__(self, zone: Zone | None = None) -> None:
        self.zone: Zone = zone or {}
        self.fails = ""
        self.asked: list[tuple[str, str]] = []
        self._held, self._udp = _held_for_both()
        self.port = self._held.port
        self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._tcp.bind(("127.0.0.1", self.port))
        self._tcp.listen()
        for serve in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def __str__(self) -> str:
        return f"127.0.0.1:{self.port}"

    def close(self) -> None:
        self._udp.close()
        self._tcp.close()
        self._held.close()

    def _serve_udp(self) -> None:
        while True:
            try:
                data, peer = self._udp.recvfrom(65536)
                if (answer := self._answer(data)) is not None:
                    self._udp.sendto(answer, peer)
            except OSError:
                return

    def _serve_tcp(self) -> None:
        while True:
            try:
                sock, _ = self._tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_stream, args=(sock,), daemon=True).start()

    def _serve_stream(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock, sock.makefile("rb") as stream:
            while len(head := stream.read(2)) == 2:
                answer = self._answer(stream.read(struct.unpack("!H", head)[0]))
                if answer is not None:
                    sock.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, data: bytes) -> bytes | None:
        """None: no answer, as to a question that cannot be read."""
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return None
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), question.rdtype.name
        self.asked.append((name, kind))
        if self.fails == "silent":
            return None
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if self.fails:
            answer.set_rcode(dns.rcode.from_text(self.fails))
        elif not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif records := self.zone.get((name, kind)):
            answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, records))
        return answer.to_wire(want_shuffle=False)
