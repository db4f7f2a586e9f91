# Reason phrases and the default error answers as tables.
# Knows texts only; must not know `errorfile`s, which replace them.

from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport strlen

from fastlb_core.base.slice cimport slice_of, slice_t

cdef extern from *:
    """
    #include <stdint.h>
    /* A page is its head up to content-type, then perhaps `connection: close`, then the body; `length` is the body's. */
    #define FLB_PAGE_START(code, reason, length) "HTTP/1.1 " code " " reason "\\r\\ncontent-length: " length \\
        "\\r\\ncache-control: no-cache\\r\\ncontent-type: text/html\\r\\n"
    #define FLB_PAGE_BODY(code, reason, text) \\
        "\\r\\n<html><body><h1>" code " " reason "</h1>\\n" text "\\n</body></html>\\n"
    #define FLB_PAGE(code, reason, length, closes, text) { code, closes, \\
        FLB_PAGE_START(#code, reason, #length) FLB_PAGE_BODY(#code, reason, text), \\
        FLB_PAGE_START(#code, reason, #length) "connection: close\\r\\n" FLB_PAGE_BODY(#code, reason, text) },
    /* What is sent before there is a request to speak of; haproxy sends these bytes as they stand, in this spelling. */
    #define FLB_RAW(code, reason, length) "HTTP/1.1 " code " " reason "\\r\\nContent-length: " length \\
        "\\r\\nCache-Control: no-cache\\r\\nConnection: close\\r\\nContent-Type: text/html\\r\\n"
    #define FLB_RAW_PAGE(code, reason, length, text) { code, 1, \\
        FLB_PAGE_START(#code, reason, #length) FLB_PAGE_BODY(#code, reason, text), \\
        FLB_RAW(#code, reason, #length) FLB_PAGE_BODY(#code, reason, text) },
    struct flb_page { uint16_t status, closes; const char *keep, *close; };
    static const struct flb_page flb_pages[] = {
        FLB_PAGE(200, "OK", 58, 0, "Service ready.")
        FLB_RAW_PAGE(400, "Bad request", 90, "Your browser sent an invalid request.")
        FLB_PAGE(401, "Unauthorized", 112, 0, "You need a valid user and password to access this content.")
        FLB_PAGE(403, "Forbidden", 93, 0, "Request forbidden by administrative rules.")
        FLB_PAGE(404, "Not Found", 83, 0, "The resource could not be found.")
        FLB_PAGE(405, "Method Not Allowed", 146, 0,
            "A request was made of a resource using a request method not supported by that resource")
        FLB_PAGE(407, "Unauthorized", 112, 0, "You need a valid user and password to access this content.")
        FLB_RAW_PAGE(408, "Request Time-out", 110, "Your browser didn't send a complete request in time.")
        FLB_PAGE(410, "Gone", 114, 0, "The resource is no longer available and will not be available again.")
        FLB_PAGE(413, "Payload Too Large", 106, 0, "The request entity exceeds the maximum allowed.")
        FLB_RAW_PAGE(414, "URI Too Long", 106, "The request target is longer than the proxy accepts.")
        FLB_PAGE(421, "Misdirected Request", 104, 0, "Request sent to a non-authoritative server.")
        FLB_PAGE(422, "Unprocessable Content", 116, 0, "The server cannot process the contained instructions.")
        FLB_PAGE(425, "Too Early", 80, 0, "Your browser sent early data.")
        FLB_PAGE(429, "Too Many Requests", 117, 0, "You have sent too many requests in a given amount of time.")
        FLB_RAW_PAGE(431, "Request Header Fields Too Large", 127, "The request headers are larger than the proxy accepts.")
        FLB_PAGE(500, "Internal Server Error", 97, 0, "An internal server error occurred.")
        FLB_PAGE(501, "Not Implemented", 136, 0,
            ".The server does not support the functionality required to fulfill the request.")
        FLB_PAGE(502, "Bad Gateway", 107, 0, "The server returned an invalid or incomplete response.")
        FLB_PAGE(503, "Service Unavailable", 107, 0, "No server is available to handle this request.")
        FLB_PAGE(504, "Gateway Time-out", 92, 0, "The server didn't respond in time.")
        FLB_RAW_PAGE(505, "HTTP Version Not Supported", 117, "The HTTP version of the request is not supported.")
    };
    enum { FLB_N_PAGES = sizeof flb_pages / sizeof *flb_pages };
    struct flb_reason { uint16_t status; const char *phrase; };
    static const struct flb_reason flb_reasons[] = {
        {100, "Continue"}, {101, "Switching Protocols"}, {102, "Processing"}, {103, "Early Hints"}, {200, "OK"},
        {201, "Created"}, {202, "Accepted"}, {203, "Non-Authoritative Information"}, {204, "No Content"},
        {205, "Reset Content"}, {206, "Partial Content"}, {207, "Multi-Status"}, {210, "Content Different"},
        {226, "IM Used"}, {300, "Multiple Choices"}, {301, "Moved Permanently"}, {302, "Found"}, {303, "See Other"},
        {304, "Not Modified"}, {305, "Use Proxy"}, {307, "Temporary Redirect"}, {308, "Permanent Redirect"},
        {400, "Bad Request"}, {401, "Unauthorized"}, {402, "Payment Required"}, {403, "Forbidden"}, {404, "Not Found"},
        {405, "Method Not Allowed"}, {406, "Not Acceptable"}, {407, "Proxy Authentication Required"},
        {408, "Request Timeout"}, {409, "Conflict"}, {410, "Gone"}, {411, "Length Required"}, {412, "Precondition Failed"},
        {413, "Payload Too Large"}, {414, "URI Too Long"}, {415, "Unsupported Media Type"}, {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"}, {418, "I'm a teapot"}, {421, "Misdirected Request"}, {422, "Unprocessable Content"},
        {423, "Locked"}, {424, "Failed Dependency"}, {425, "Too Early"}, {426, "Upgrade Required"},
        {428, "Precondition Required"}, {429, "Too Many Requests"}, {431, "Request Header Fields Too Large"},
        {451, "Unavailable For Legal Reasons"}, {500, "Internal Server Error"}, {501, "Not Implemented"},
        {502, "Bad Gateway"}, {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"},
        {506, "Variant Also Negotiates"}, {507, "Insufficient Storage"}, {508, "Loop Detected"},
        {511, "Network Authentication Required"},
    };
    enum { FLB_N_REASONS = sizeof flb_reasons / sizeof *flb_reasons };
    """
    ctypedef struct page_t "struct flb_page":
        uint16_t status
        uint16_t closes     # nothing behind the request can be read
        const char* keep    # static
        const char* close   # static
    ctypedef struct reason_t "struct flb_reason":
        uint16_t status
        const char* phrase  # static
    const page_t* pages "flb_pages"
    const uint32_t N_PAGES "FLB_N_PAGES"
    const reason_t* reasons "flb_reasons"
    const uint32_t N_REASONS "FLB_N_REASONS"


cdef slice_t reason_phrase(uint32_t status) noexcept nogil:
    cdef uint32_t i
    for i in range(N_REASONS):
        if reasons[i].status == status:
            return slice_of(reasons[i].phrase, <uint32_t> strlen(reasons[i].phrase))
    return class_phrase(status // 100)


cdef slice_t class_phrase(uint32_t hundreds) noexcept nogil:
    if hundreds == 1:
        return slice_of("Informational", 13)
    if hundreds == 2:
        return slice_of("Success", 7)
    if hundreds == 3:
        return slice_of("Redirection", 11)
    if hundreds == 4:
        return slice_of("Client Error", 12)
    return slice_of("Server Error", 12) if hundreds == 5 else slice_of("Other", 5)


cdef slice_t page_text(uint32_t status, bint closes) noexcept nogil:
    cdef uint32_t i
    cdef const char* text
    for i in range(N_PAGES):
        if pages[i].status == status:
            text = pages[i].close if closes or pages[i].closes else pages[i].keep
            return slice_of(text, <uint32_t> strlen(text))
    return slice_of(NULL, 0)


cdef slice_t error_page(uint32_t status) noexcept nogil:
    # 200 is in the table for the monitor only.
    return page_text(status, False) if status != 200 else slice_of(NULL, 0)


cdef slice_t error_page_close(uint32_t status) noexcept nogil:
    return page_text(status, True) if status != 200 else slice_of(NULL, 0)


cdef slice_t rule_page(uint32_t status) noexcept nogil:
    cdef uint32_t i
    for i in range(N_PAGES):
        if pages[i].status == status:
            return slice_of(pages[i].keep, <uint32_t> strlen(pages[i].keep))
    return slice_of(NULL, 0)


cdef slice_t page_head(slice_t page) noexcept nogil:
    cdef uint32_t i = 0
    while i + 3 < page.len:
        if page.ptr[i] == 13 and page.ptr[i + 1] == 10 and page.ptr[i + 2] == 13 and page.ptr[i + 3] == 10:
            return slice_of(page.ptr, i + 4)
        i += 1
    return page


cdef slice_t monitor_page(bint is_up) noexcept nogil:
    return page_text(200 if is_up else 503, False)
