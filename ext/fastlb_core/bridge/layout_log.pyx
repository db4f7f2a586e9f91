# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Lays out a proxy's formats and captures: where in a stream's capture block each one stands.
#
# Knows the block: slots of all captures, then the texts of requests, answers and cookies, then the unique id. The forms:
#   formats   {"log": format, "sd": format, "error": format, "unique_id": format}, None for those that are not set
#   captures  {"request": [(name, length), ...], "response": [...], "cookie": (name, length)}

from libc.stdint cimport uint32_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.bridge.layout_expr cimport new_format
from fastlb_core.program.program cimport (
    LOG_SINK_RING, PX_CAP_FE, capture_t, log_profile_step_t, log_profile_t, log_target_t, program_t, px_t,
)
from fastlb_core.program.region cimport region_alloc, region_copy
from fastlb_core.proxy.unique_id cimport UNIQUE_ID_MAX


cdef int lay_out_log(program_t* program, px_t* px, dict values) except -1:
    formats = values["formats"]
    px.log_format = format_or_null(program, formats.get("log"))
    px.log_format_sd = format_or_null(program, formats.get("sd"))
    px.error_log_format = format_or_null(program, formats.get("error"))
    px.unique_id_format = format_or_null(program, formats.get("unique_id"))
    keep(program, &px.unique_id_header, values["unique_id_header"])
    if px.caps & PX_CAP_FE:
        lay_out_captures(program, px, values["captures"])
        if px.capture_size > program.capture_size:
            program.capture_size = px.capture_size
    return 0


cdef int make_log_profiles(program_t* program, list profiles) except -1:
    program.n_log_profiles = len(profiles)
    program.log_profiles = <log_profile_t*> take(program, sizeof(log_profile_t) * (program.n_log_profiles + 1))
    return 0


cdef int lay_out_log_profiles(program_t* program, list profiles) except -1:
    cdef log_profile_step_t* step
    cdef uint32_t at
    for at, profile in enumerate(profiles):
        keep(program, &program.log_profiles[at].tag, profile["tag"])
        for number, (is_dropped, format, sd) in profile["steps"].items():
            step = &program.log_profiles[at].steps[<int> number]
            step.is_set = True
            step.is_dropped = is_dropped
            step.format = format_or_null(program, format)
            step.sd = format_or_null(program, sd)
    return 0


cdef int lay_out_captures(program_t* program, px_t* px, dict captures) except -1:
    cdef uint32_t size
    request, response, cookie = captures.get("request", []), captures.get("response", []), captures.get("cookie")
    px.n_captures_req = len(request)
    px.n_captures_res = len(response)
    size = sizeof(slice_t) * (<uint32_t> px.n_captures_req + px.n_captures_res)
    px.captures_req = fill(program, request, &size)
    px.captures_res = fill(program, response, &size)
    if cookie is not None:
        fill_one(program, &px.cookie_req, cookie, &size)
        fill_one(program, &px.cookie_res, cookie, &size)
    if px.unique_id_format != NULL:
        px.unique_id_offset = size
        size += UNIQUE_ID_MAX
    px.capture_size = size
    return 0


cdef capture_t* fill(program_t* program, list captures, uint32_t* size) except NULL:
    cdef capture_t* filled = <capture_t*> take(program, sizeof(capture_t) * (len(captures) + 1))
    for i, capture in enumerate(captures):
        fill_one(program, &filled[<uint32_t> i], capture, size)
    return filled


cdef int fill_one(program_t* program, capture_t* capture, tuple value, uint32_t* size) except -1:
    keep(program, &capture.name, value[0])
    capture.max_len = value[1]
    capture.offset = size[0]
    size[0] += capture.max_len
    return 0


cdef log_target_t* log_targets(program_t* program, list targets) except NULL:
    cdef log_target_t* filled = <log_target_t*> take(program, sizeof(log_target_t) * len(targets))
    cdef log_target_t* target
    for index, values in enumerate(targets):
        target = &filled[<uint32_t> index]
        target.sink = values["sink"]
        target.is_ring = program.log_sinks[target.sink].kind == LOG_SINK_RING
        target.format = values["format"]
        target.facility = values["facility"]
        target.level = values["level"]
        target.min_level = values["min_level"]
        target.max_length = values["max_length"]
        target.sample_size = values["sample_size"]
        if values["profile"] >= 0:
            target.profile = &program.log_profiles[<uint32_t> values["profile"]]
        target.n_ranges = len(values["ranges"]) // 2
        for i, bound in enumerate(values["ranges"]):
            target.ranges[<uint32_t> i] = bound
    return filled


cdef void* format_or_null(program_t* program, value) except? NULL:
    return NULL if value is None else new_format(program, value)


cdef void* take(program_t* program, size_t size) except NULL:
    cdef void* piece = region_alloc(&program.region, size)
    if piece == NULL:
        raise MemoryError("the program does not fit into memory")
    return piece


cdef int keep(program_t* program, slice_t* into, bytes text) except -1:
    into[0] = region_copy(&program.region, <const char*> text, len(text))
    if into.ptr == NULL:
        raise MemoryError("the program does not fit into memory")
    return 0
