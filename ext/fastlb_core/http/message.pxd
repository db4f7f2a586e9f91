# One HTTP message head: where its parts stand in the buffer, an index of the well-known names, and its framing.
# Knows offsets into one area and the edits made to them; must not know how the head was parsed, where it goes, or
# who the peers are. HTTP/1 and HTTP/2 fill the same struct.
#
#     area:  start line ⏎ name: value ⏎ name: value ⏎ ⏎ body...                 | edits (new values, new lines) |
#            ^start_off   ^hdrs_off                     ^head_len                 ^edit_off      ^+edit_len     ^+edit_cap
#
# Nothing is moved by an edit: a deleted header is marked, a replaced value or an added header stands in the edit
# room, which is the part of the buffer that tune.maxrewrite keeps free (the owner must not receive into it before the head
# has been sent).

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from fastlb_core.base.slice cimport slice_t

# Well-known header names; HDR_OTHER is every other one. Order is of no meaning; new ones go before HDR_N and into
# the tables of message.pyx.
cdef enum hdr_id_t:
    HDR_OTHER = 0
    HDR_HOST
    HDR_CONTENT_LENGTH
    HDR_TRANSFER_ENCODING
    HDR_CONNECTION
    HDR_KEEP_ALIVE
    HDR_PROXY_CONNECTION
    HDR_UPGRADE
    HDR_TE
    HDR_TRAILER
    HDR_EXPECT
    HDR_COOKIE
    HDR_SET_COOKIE
    HDR_SET_COOKIE2
    HDR_X_FORWARDED_FOR
    HDR_CACHE_CONTROL
    HDR_USER_AGENT
    HDR_ACCEPT
    HDR_ACCEPT_ENCODING
    HDR_CONTENT_TYPE
    HDR_CONTENT_ENCODING
    HDR_AUTHORIZATION
    HDR_PROXY_AUTHORIZATION
    HDR_PROXY_AUTHENTICATE
    HDR_REFERER
    HDR_ORIGIN
    HDR_LOCATION
    HDR_DATE
    HDR_SERVER
    HDR_ETAG
    HDR_EXPIRES
    HDR_LAST_MODIFIED
    HDR_PRAGMA
    HDR_VARY
    HDR_FORWARDED
    HDR_HTTP2_SETTINGS
    HDR_SEC_WEBSOCKET_KEY
    HDR_SEC_WEBSOCKET_ACCEPT
    HDR_N

cdef enum:
    HDR_F_CANON = 1         # stands in the area as `name: value⏎`, name in lower case
    HDR_F_DELETED = 2       # not to be sent and not to be found
    HDR_F_EDIT = 4          # added, or its value replaced: the value and a CRLF stand in the edit room

ctypedef struct hdr_t:
    uint32_t name_off       # offsets from msg.area
    uint32_t name_len
    uint32_t value_off
    uint32_t value_len      # without white space around it
    uint16_t next_same      # index + 1 of the next header with the same well-known id; 0: none
    uint8_t id              # hdr_id_t
    uint8_t flags           # HDR_F_*

cdef enum method_t:
    METHOD_OTHER = 0
    METHOD_GET
    METHOD_HEAD
    METHOD_POST
    METHOD_PUT
    METHOD_DELETE
    METHOD_CONNECT
    METHOD_OPTIONS
    METHOD_TRACE
    METHOD_PATCH

cdef enum body_kind_t:
    BODY_NONE = 0           # the message ends with its head
    BODY_LENGTH             # content_length bytes follow
    BODY_CHUNKED
    BODY_UNTIL_CLOSE        # an answer that ends with the connection
    BODY_TUNNEL             # after 101 or a CONNECT answered 2xx: bytes both ways, no messages any more

cdef enum:
    MSG_F_RESPONSE = 1 << 0
    MSG_F_HTTP10 = 1 << 1           # version 1.0 (else 1.1)
    MSG_F_KEEP_ALIVE = 1 << 2       # the sender allows another message on its connection (RFC 9112 9.3)
    MSG_F_CONN_CLOSE = 1 << 3       # Connection had the token close
    MSG_F_CONN_KEEP_ALIVE = 1 << 4  # ... keep-alive
    MSG_F_CONN_UPGRADE = 1 << 5     # ... upgrade
    MSG_F_UPGRADE = 1 << 6          # request: an upgrade is asked for; answer: 101
    MSG_F_UPGRADE_WS = 1 << 7       # ... and it is websocket
    MSG_F_UPGRADE_H2C = 1 << 8      # Upgrade named h2c, which is not passed on
    MSG_F_EXPECT_100 = 1 << 9
    MSG_F_CL_DROPPED = 1 << 10      # Content-Length was deleted because of Transfer-Encoding; the connection must close
    MSG_F_INTERIM = 1 << 11         # an answer 1xx other than 101: the real one follows
    MSG_F_AUTHORITY = 1 << 12       # the target was in absolute form or CONNECT's
    MSG_F_HAS_CL = 1 << 13          # Content-Length was there and valid (an answer to HEAD may have one and no body)
    MSG_F_HAS_TE = 1 << 14          # Transfer-Encoding: chunked was there
    MSG_F_EDITED = 1 << 15          # what is sent differs from the bytes received

ctypedef struct http_msg_t:
    char* area              # borrowed: the buffer's bytes from the message's first on; valid until the head has been sent
    hdr_t* hdrs             # borrowed: cap_hdrs entries, for as long as the message lives (msg_init)
    uint32_t start_off      # start line; empty lines before it were skipped
    uint32_t hdrs_off       # first header line
    uint32_t head_len       # bytes up to and with the empty line; 0 while the head is incomplete
    uint32_t edit_off       # the edit room
    uint32_t edit_cap       # bytes
    uint32_t edit_len       # bytes used
    uint32_t method_off     # requests; edits move these offsets into the edit room
    uint32_t method_len
    uint32_t target_off
    uint32_t target_len
    uint32_t version_off    # `HTTP/1.x`, 8 bytes
    uint32_t version_len
    uint32_t reason_off     # answers; may be empty
    uint32_t reason_len
    uint64_t content_length  # bytes; of meaning with MSG_F_HAS_CL
    uint32_t flags          # MSG_F_*
    uint16_t status         # answers
    uint8_t method          # method_t; for answers that of the request
    uint8_t body            # body_kind_t
    uint16_t n_hdrs         # entries in hdrs, deleted ones too
    uint16_t max_hdrs       # accepted from the peer: tune.http.maxhdr
    uint16_t cap_hdrs       # room in hdrs: max_hdrs and those that edits add
    uint16_t first[HDR_N]   # per id: index + 1 of the first header, 0: none
    uint16_t last[HDR_N]    # per id: index + 1 of the last header; valid where first is not 0

# Entries of hdr_t storage a message needs when max_hdrs headers are accepted.
cdef inline uint32_t msg_cap_hdrs(uint32_t max_hdrs) noexcept nogil:
    return max_hdrs + 24

# Prepares a message in the caller's memory. hdrs: msg_cap_hdrs(max_hdrs) entries that outlive the message.
cdef void msg_init(http_msg_t* msg, hdr_t* hdrs, uint32_t max_hdrs) noexcept nogil
# Forgets the head; keeps the storage. area: where the next message begins. edit_off and edit_cap: the edit room,
# relative to area, beyond every byte that will be received before the head is sent.
cdef void msg_reset(http_msg_t* msg, char* area, uint32_t edit_off, uint32_t edit_cap) noexcept nogil

# The id of a lower-case name; HDR_OTHER for an unknown one.
cdef hdr_id_t hdr_id_of(const char* name, uint32_t length) noexcept nogil
# The method's number; METHOD_OTHER for an unknown one. Methods are case-sensitive.
cdef method_t method_of(const char* name, uint32_t length) noexcept nogil
# The name of a known method; empty for METHOD_OTHER.
cdef slice_t method_name(int method) noexcept nogil

# Appends an entry to hdrs and links it into the index. The caller has checked the room (n_hdrs < cap_hdrs).
cdef hdr_t* msg_add_entry(http_msg_t* msg, uint32_t name_off, uint32_t name_len) noexcept nogil
# Finds the id of entry i, whose name is complete and in lower case, and links it behind those with the same id.
cdef void msg_index(http_msg_t* msg, uint32_t i) noexcept nogil

# Index of the first header with this well-known id (not HDR_OTHER), -1: none. O(1) but for deleted ones.
cdef int msg_find(const http_msg_t* msg, hdr_id_t id) noexcept nogil
# The next one of the same id after index i, -1: none.
cdef int msg_find_next(const http_msg_t* msg, int i) noexcept nogil
# The first header at index `start` or later with this name (lower case), -1: none.
cdef int msg_find_name(const http_msg_t* msg, slice_t name, int start) noexcept nogil

# Marks header i deleted. Idempotent.
cdef void msg_hdr_del(http_msg_t* msg, int i) noexcept nogil
# Deletes every header of a well-known id; returns how many there were.
cdef uint32_t msg_hdr_del_all(http_msg_t* msg, hdr_id_t id) noexcept nogil
# Puts another value in the place of header i's. False, and nothing changed, when the edit room is full.
cdef bint msg_hdr_replace(http_msg_t* msg, int i, slice_t value) noexcept nogil
# Header i's value has been moved together where it stands and is shorter now; length 0 deletes the header.
cdef void msg_hdr_shorten(http_msg_t* msg, int i, uint32_t length) noexcept nogil
# Puts `text` in the place of `cut` bytes of header i's value, `at` bytes behind its beginning. False, and nothing changed, when
# the edit room is full.
cdef bint msg_hdr_splice(http_msg_t* msg, int i, uint32_t at, uint32_t cut, slice_t text) noexcept nogil
# Adds a header behind the last. name in lower case. False, and nothing changed, when the edit room or hdrs is full.
cdef bint msg_hdr_append(http_msg_t* msg, slice_t name, slice_t value) noexcept nogil
# Puts another method in its place, and finds its number. False, and nothing changed, when the edit room is full or `name` is
# not a token (RFC 9110 5.6.2): two words would be another request.
cdef bint msg_set_method(http_msg_t* msg, slice_t name) noexcept nogil
# Puts another target in its place, made of three pieces, which may stand in the old one. Spaces become %20 (haproxy: sends them
# as they are, and two readings of the line with them). False, and nothing changed, when the edit room is full, control
# characters are in it, or it would be empty.
cdef bint msg_set_target(http_msg_t* msg, slice_t begin, slice_t middle, slice_t end) noexcept nogil
# Answers: another status and reason. False, and nothing changed, when the edit room is full or the reason has control characters.
cdef bint msg_set_status(http_msg_t* msg, uint16_t status, slice_t reason) noexcept nogil
# Whether no byte is a control character (below 32, or 127); TAB is none.
cdef bint is_field_text(slice_t text) noexcept nogil

# Makes the edit room begin at low_off (relative to area), if nothing stands in it yet: nothing will be received before the head
# has left, so the room behind the bytes that are there is free as well.
cdef inline void msg_widen(http_msg_t* msg, uint32_t low_off) noexcept nogil:
    if msg.edit_len == 0 and low_off < msg.edit_off:
        msg.edit_cap += msg.edit_off - low_off
        msg.edit_off = low_off

cdef inline slice_t msg_slice(const http_msg_t* msg, uint32_t off, uint32_t length) noexcept nogil:
    cdef slice_t s
    s.ptr = msg.area + off
    s.len = length
    return s

cdef inline slice_t msg_target(const http_msg_t* msg) noexcept nogil:
    return msg_slice(msg, msg.target_off, msg.target_len)

cdef inline slice_t msg_hdr_name(const http_msg_t* msg, int i) noexcept nogil:
    return msg_slice(msg, msg.hdrs[i].name_off, msg.hdrs[i].name_len)

cdef inline slice_t msg_hdr_value(const http_msg_t* msg, int i) noexcept nogil:
    return msg_slice(msg, msg.hdrs[i].value_off, msg.hdrs[i].value_len)
