# cython: language_level=3
# Finds the C function of a sample fetch, converter or action. Knows the modules' tables; must not know what they compute.

from libc.stdint cimport uint32_t
from libc.string cimport strcmp

from fastlb_core.program.conv_address cimport conv_address_entries
from fastlb_core.program.conv_date cimport conv_date_entries
from fastlb_core.program.conv_encode cimport conv_encode_entries
from fastlb_core.program.conv_forwarded cimport conv_forwarded_entries
from fastlb_core.program.conv_hash cimport conv_hash_entries
from fastlb_core.program.conv_join cimport conv_join_entries
from fastlb_core.program.conv_json cimport conv_json_entries
from fastlb_core.program.conv_map cimport conv_map_entries
from fastlb_core.program.conv_number cimport conv_number_entries
from fastlb_core.program.conv_part cimport conv_part_entries
from fastlb_core.program.conv_text cimport conv_text_entries
from fastlb_core.program.conv_x509 cimport conv_x509_entries
from fastlb_core.program.expr cimport conv_entry_t, conv_fn, fetch_entry_t, fetch_fn
from fastlb_core.program.fetch_const cimport fetch_const_entries
from fastlb_core.program.fetch_http cimport fetch_http_entries
from fastlb_core.program.fetch_vars cimport conv_vars_entries, fetch_vars_entries

from fastlb_core.program.logformat cimport alias_fn
from fastlb_core.program.rules cimport action_entry_t, action_fn
from fastlb_core.proxy.action_answers cimport action_answers_entries
from fastlb_core.proxy.action_connection cimport action_connection_entries
from fastlb_core.proxy.action_flow cimport action_flow_entries
from fastlb_core.proxy.action_headers cimport action_headers_entries
from fastlb_core.proxy.action_redirect cimport action_redirect_entries
from fastlb_core.proxy.action_request_line cimport action_request_line_entries
from fastlb_core.proxy.action_tracking cimport action_tracking_entries
from fastlb_core.proxy.action_variables cimport action_variables_entries
from fastlb_core.proxy.fetch_stream cimport fetch_stream_entries

ctypedef const fetch_entry_t* (*fetch_table_fn)(uint32_t* n) noexcept nogil
ctypedef const conv_entry_t* (*conv_table_fn)(uint32_t* n) noexcept nogil

ctypedef const action_entry_t* (*action_table_fn)(uint32_t* n) noexcept nogil

cdef fetch_table_fn* fetch_tables = [fetch_const_entries, fetch_http_entries, fetch_vars_entries, fetch_stream_entries]
cdef conv_table_fn* conv_tables = [
    conv_text_entries, conv_part_entries, conv_join_entries, conv_number_entries, conv_encode_entries, conv_json_entries,
    conv_date_entries, conv_address_entries, conv_forwarded_entries, conv_x509_entries, conv_vars_entries, conv_hash_entries,
    conv_map_entries,
]
cdef action_table_fn* action_tables = [
    action_flow_entries, action_answers_entries, action_headers_entries, action_request_line_entries,
    action_variables_entries, action_tracking_entries, action_connection_entries, action_redirect_entries,
]
cdef enum:
    N_FETCH_TABLES = 4
    N_CONV_TABLES = 13
    N_ACTION_TABLES = 8


cdef fetch_fn find_fetch(const char* name) noexcept nogil:
    cdef const fetch_entry_t* entries
    cdef uint32_t n = 0, i, table
    for table in range(<uint32_t> N_FETCH_TABLES):
        entries = fetch_tables[table](&n)
        for i in range(n):
            if strcmp(entries[i].name, name) == 0:
                return entries[i].fn
    return NULL


cdef conv_fn find_conv(const char* name) noexcept nogil:
    cdef const conv_entry_t* entries
    cdef uint32_t n = 0, i, table
    for table in range(<uint32_t> N_CONV_TABLES):
        entries = conv_tables[table](&n)
        for i in range(n):
            if strcmp(entries[i].name, name) == 0:
                return entries[i].fn
    return NULL


cdef action_fn find_action(const char* name) noexcept nogil:
    cdef const action_entry_t* entries
    cdef uint32_t n = 0, i, table
    for table in range(<uint32_t> N_ACTION_TABLES):
        entries = action_tables[table](&n)
        for i in range(n):
            if strcmp(entries[i].name, name) == 0:
                return entries[i].fn
    return NULL


cdef alias_fn find_alias(const char* name) noexcept nogil:
    return NULL


def names() -> tuple[list[str], list[str]]:
    """The names of all fetches and of all converters that the core implements, sorted."""
    cdef const fetch_entry_t* fetches
    cdef const conv_entry_t* convs
    cdef uint32_t n = 0, i, table
    found: tuple[set[str], set[str]] = (set(), set())
    for table in range(<uint32_t> N_FETCH_TABLES):
        fetches = fetch_tables[table](&n)
        for i in range(n):
            found[0].add(fetches[i].name.decode())
    for table in range(<uint32_t> N_CONV_TABLES):
        convs = conv_tables[table](&n)
        for i in range(n):
            found[1].add(convs[i].name.decode())
    return sorted(found[0]), sorted(found[1])
