# Fills comp_conf_t (program/compression.pxd) from plain values. Knows the struct; must not know keywords.

from libc.stdint cimport uint32_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.packer cimport CODING_DEFLATE, CODING_GZIP, CODING_IDENTITY, CODING_RAW_DEFLATE
from fastlb_core.program.compression cimport COMP_DIR_REQ, COMP_DIR_RES, comp_conf_t
from fastlb_core.program.program cimport program_t, px_t
from fastlb_core.program.region cimport region_alloc, region_copy

# The numbers of the algorithms' names in the configuration.
CODINGS = {
    "identity": <int> CODING_IDENTITY, "gzip": <int> CODING_GZIP, "deflate": <int> CODING_DEFLATE,
    "raw-deflate": <int> CODING_RAW_DEFLATE,
}
DIRECTIONS = {
    "response": <int> COMP_DIR_RES, "request": <int> COMP_DIR_REQ, "both": <int> COMP_DIR_RES | <int> COMP_DIR_REQ,
}


cdef slice_t* lay_out_types(program_t* program, list types) except NULL:
    cdef slice_t* laid = <slice_t*> region_alloc(&program.region, sizeof(slice_t) * (len(types) + 1))
    cdef bytes media
    cdef uint32_t i
    if laid == NULL:
        raise MemoryError("the program does not fit into memory")
    for i, media in enumerate(types):
        laid[i] = region_copy(&program.region, <const char*> media, len(media))
        if laid[i].ptr == NULL:
            raise MemoryError("the program does not fit into memory")
    return laid


cdef int lay_out_compression(program_t* program, px_t* px, dict values) except -1:
    cdef comp_conf_t* conf
    cdef uint32_t i
    if values is None:
        return 0
    conf = <comp_conf_t*> region_alloc(&program.region, sizeof(comp_conf_t))
    if conf == NULL:
        raise MemoryError("the program does not fit into memory")
    px.compression = conf
    if len(values["algos"]) > <int> sizeof(conf.algos):
        raise ValueError("compression: an algorithm counts once")
    conf.n_algos = len(values["algos"])
    for i, coding in enumerate(values["algos"]):
        conf.algos[i] = coding
    conf.offload = values["offload"]
    conf.minsize = values["minsize"]
    conf.types = lay_out_types(program, values["types"])
    conf.n_types = len(values["types"])
    conf.directions = values["directions"]
    conf.algo_req = values["algo_req"]
    conf.types_req = lay_out_types(program, values["types_req"])
    conf.n_types_req = len(values["types_req"])
    conf.minsize_req = values["minsize_req"]
    return 0
