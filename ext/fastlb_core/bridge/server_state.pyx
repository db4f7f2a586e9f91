# cython: language_level=3
# One server's live state as it was at one moment: a copy of its struct in the arena, whose fields become Python's when they are
# asked for. A check looks at five of thirty, a thousand times a second.
#
# Knows fields of lb/shared.pxd. Must not know what they mean (control does), nor how the struct is found (snapshot).

from cpython.bytes cimport PyBytes_FromStringAndSize

cdef extern from "string.h":
    size_t strnlen(const char* text, size_t size) nogil


cdef class ServerState:
    """Names and units are those of srv_shared_t; address is a packed sockaddr, check_desc text."""

    @property
    def address(self):
        return PyBytes_FromStringAndSize(<char*> self.sh.addr, self.address_len)

    @property
    def check_desc(self):
        return self.sh.check_desc[:strnlen(self.sh.check_desc, sizeof(self.sh.check_desc))].decode("utf-8", "replace")

    @property
    def check_host(self):
        return self.sh.check_host[:strnlen(self.sh.check_host, sizeof(self.sh.check_host))].decode("ascii")

    @property
    def check_port(self):
        return self.sh.check_port

    @property
    def agent_host(self):
        return self.sh.agent_host[:strnlen(self.sh.agent_host, sizeof(self.sh.agent_host))].decode("ascii")

    @property
    def agent_port(self):
        return self.sh.agent_port

    @property
    def is_agent_off(self):
        return self.sh.is_agent_off != 0

    @property
    def cookie(self):
        """The server's own, or the dynamic one; empty without either."""
        return self.cookie_text

    @property
    def admin(self):
        return self.sh.admin

    @property
    def state(self):
        return self.sh.state

    @property
    def uweight(self):
        return self.sh.uweight

    @property
    def iweight(self):
        return self.sh.iweight

    @property
    def eweight(self):
        return self.sh.eweight

    @property
    def maxconn(self):
        return self.sh.maxconn

    @property
    def check_flags(self):
        return self.sh.check_flags

    @property
    def health(self):
        return self.sh.health

    @property
    def rise(self):
        return self.sh.rise

    @property
    def fall(self):
        return self.sh.fall

    @property
    def check_status(self):
        return self.sh.check_status

    @property
    def check_code(self):
        return self.sh.check_code

    @property
    def check_duration_ms(self):
        return self.sh.check_duration_ms

    @property
    def check_time_ms(self):
        return self.sh.check_time_ms

    @property
    def last_change_ms(self):
        return self.sh.last_change_ms

    @property
    def down_time_ms(self):
        return self.sh.down_time_ms

    @property
    def failed_checks(self):
        return self.sh.failed_checks

    @property
    def failed_hana(self):
        return self.sh.failed_hana

    @property
    def down_trans(self):
        return self.sh.down_trans

    @property
    def slowstart_until_ms(self):
        return self.sh.slowstart_until_ms

    @property
    def served(self):
        return self.sh.served

    @property
    def served_max(self):
        return self.sh.served_max

    @property
    def queued(self):
        return self.sh.queued

    @property
    def queued_max(self):
        return self.sh.queued_max

    @property
    def last_sess_ms(self):
        return self.sh.last_sess_ms

    @property
    def throttle(self):
        return self.sh.throttle
