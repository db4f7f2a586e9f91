# What servers say of their connections, from plain values; runs once all ACLs are there.
#
#     server["link"]: None or {"interface": bytes, "user_timeout_ms", "keep_idle_s", "keep_interval_s", "keep_count": int,
#                    "ports": (first, how many), "usesrc": name of SOURCES, "from_address": packed sockaddr or b"",
#                    "from_header", "pool_name": expression or None,
#                    "tlvs": [(type, name of VALUES, is_nested, format or None)]}

from fastlb_core.program.program cimport program_t

cdef int lay_out_links(program_t* program, list servers) except -1
# One server's, in the program's memory.
cdef const void* new_link(program_t* program, dict values) except NULL
