# The line of `option httplog json`: one JSON object (RFC 8259) of a finished request (docs/operations/logging.md).
#
# Knows its names, which never change their meaning, and how any bytes become JSON strings. Must not know headers or targets.

from libc.stdint cimport uint32_t
from fastlb_core.proxy.log cimport log_rec_t
from fastlb_core.proxy.log_date cimport log_dates_t

cdef enum:
    JSON_ROOM_MIN = 2560         # bytes that everything but the client's and the server's texts takes at most

# Writes the object into `room` bytes (JSON_ROOM_MIN at least); returns its length. Texts that do not fit are cut, and the
# object says so: it is complete whatever the client has sent. `listener_id` stands for the port of a client on a unix socket.
cdef uint32_t log_json(
    char* into, uint32_t room, log_dates_t* dates, const log_rec_t* rec, uint32_t listener_id
) noexcept nogil
