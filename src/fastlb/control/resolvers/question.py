"""One question to all name servers of a section, and what the answers come to.

Knows the DNS through dnspython, and HAProxy's rules: all servers are asked at once, the first valid answer counts, else the last
failure. Must not know servers of backends.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import dns._asyncio_backend  # dnspython loads it and the types of records when they are first met: too late in a chroot
import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.OPT
import dns.rdtypes.ANY.SOA
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
from dns.rdtypes.IN.SRV import SRV

from fastlb.config.section_model import NameServer, Resolvers

COUNTERS = (
    *("sent", "snd_error", "valid", "update", "cname", "cname_error", "any_err", "nx", "timeout", "refused", "other"),
    *("invalid", "too_big", "truncated", "outdated"),
)


class Status(Enum):
    """How asking ended: the word of `hold`, HAProxy's words for the log, and what tells equal ones apart."""

    VALID = ("valid", "")
    EMPTY = ("other", "unspecified DNS error", "the name is there, without a record of that type")
    NX = ("nx", "DNS NX status")
    REFUSED = ("refused", "DNS refused status")
    TIMEOUT = ("timeout", "DNS timeout status")
    OTHER = ("other", "unspecified DNS error")
    INVALID = ("other", "unspecified DNS error", "an answer that is none")

    @property
    def hold(self) -> str:
        return str(self.value[0])

    @property
    def reason(self) -> str:
        return str(self.value[1])


@dataclass(frozen=True, slots=True)
class Service:
    """One SRV record (RFC 2782)."""

    host: str
    port: int
    weight: int


@dataclass(frozen=True, slots=True)
class Answer:
    """addresses: of an A or AAAA question; services: of a SRV question; server: who answered."""

    status: Status
    server: str = ""
    addresses: tuple[str, ...] = ()
    services: tuple[Service, ...] = ()


@dataclass(slots=True)
class AskedServer:
    """A name server and what came of asking it, for `show resolvers`."""

    config: NameServer
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))

    async def ask(self, query: dns.message.QueryMessage, timeout_ms: int) -> Answer:
        """Never raises but for cancellation; `timeout_ms` bounds it."""
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                return self._answer(await self._exchange(query))
        except (TimeoutError, dns.exception.Timeout):
            return self._failed("timeout", Status.TIMEOUT)
        except dns.message.Truncated:
            return self._failed("truncated", Status.INVALID)
        except OSError:
            return self._failed("snd_error", Status.TIMEOUT)
        except (dns.exception.DNSException, EOFError, ValueError):
            return self._failed("invalid", Status.INVALID)

    async def _exchange(self, query: dns.message.QueryMessage) -> dns.message.Message:
        address = self.config.address
        host = address.host or ("::1" if address.family == "ipv6" else "127.0.0.1")
        self.counters["sent"] += 1
        if self.config.is_tcp:
            return await dns.asyncquery.tcp(query, host, port=address.port)
        return await dns.asyncquery.udp(query, host, port=address.port, ignore_unexpected=True, raise_on_truncation=True)

    def _answer(self, message: dns.message.Message) -> Answer:
        rcode = message.rcode()
        if rcode == dns.rcode.NXDOMAIN:
            return self._failed("nx", Status.NX)
        if rcode == dns.rcode.REFUSED:
            return self._failed("refused", Status.REFUSED)
        if rcode != dns.rcode.NOERROR or not isinstance(message, dns.message.QueryMessage):
            return self._failed("other", Status.OTHER)
        chain = message.resolve_chaining()
        if chain.cnames:
            self.counters["cname"] += 1
        if chain.answer is None:
            return self._failed("any_err", Status.EMPTY)
        self.counters["valid"] += 1
        if chain.answer.rdtype == dns.rdatatype.SRV:
            services = tuple(
                Service(record.target.to_text(omit_final_dot=True), record.port, record.weight)
                for record in chain.answer
                if isinstance(record, SRV)
            )
            return Answer(Status.VALID, self.config.name, services=services)
        return Answer(Status.VALID, self.config.name, tuple(record.to_text() for record in chain.answer))

    def _failed(self, counter: str, status: Status) -> Answer:
        self.counters[counter] += 1
        return Answer(status, self.config.name)


class Asker:
    """The name servers of one section."""

    def __init__(self, section: Resolvers) -> None:
        self.section = section
        self.servers = [AskedServer(config) for config in section.servers]

    async def resolve(self, name: str, types: Sequence[str]) -> Answer:
        """Asks for the types in turn until one is answered, `resolve_retries` times over; a timeout repeats the same type."""
        last = Answer(Status.TIMEOUT)
        for _ in range(self.section.retries):
            for rdtype in types:
                last = await self._ask_all(name, rdtype)
                if last.status is Status.VALID:
                    return last
                if last.status is Status.TIMEOUT:
                    break
        return last

    async def _ask_all(self, name: str, rdtype: str) -> Answer:
        """The first valid answer, or the last failure."""
        try:
            query = dns.message.make_query(name, rdtype, use_edns=0, payload=self.section.payload_size)
        except dns.exception.DNSException:
            return Answer(Status.INVALID)
        tasks = {asyncio.ensure_future(server.ask(query, self.section.retry_ms)) for server in self.servers}
        last = Answer(Status.TIMEOUT)
        try:
            while tasks:
                done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for answer in (task.result() for task in done):
                    if answer.status is Status.VALID:
                        return answer
                    last = answer
            return last
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def count_update(self, server: str) -> None:
        """An answer of that name server changed a server's address."""
        for asked in self.servers:
            if asked.config.name == server:
                asked.counters["update"] += 1
