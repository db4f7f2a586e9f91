# cython: language_level=3
# Finds the C function of a sample fetch, converter or action. Knows the modules' tables; must not know what they compute.

from libc.stdint cimport uint32_t
from libc.string cimport strcmp

from fastlb_core.program.conv_address cimport conv_address_entries
from fastlb_core.program.conv_cipher cimport conv_cipher_entries
from fastlb_core.program.conv_date cimport conv_date_entries
from fastlb_core.program.conv_digest cimport conv_digest_entries
from fastlb_core.program.conv_encode cimport conv_encode_entries
from fastlb_core.program.conv_fix cimport conv_fix_entries
from fastlb_core.program.conv_forwarded cimport conv_forwarded_entries
from fastlb_core.program.conv_hash cimport conv_hash_entries
from fastlb_core.program.conv_join cimport conv_join_entries
from fastlb_core.program.conv_json cimport conv_json_entries
from fastlb_core.program.conv_json_query cimport conv_json_query_entries
from fastlb_core.program.conv_jwe cimport conv_jwe_entries
from fastlb_core.program.conv_jwt cimport conv_jwt_entries
from fastlb_core.program.conv_map cimport conv_map_entries
from fastlb_core.program.conv_mqtt cimport conv_mqtt_entries
from fastlb_core.program.conv_number cimport conv_number_entries
from fastlb_core.program.conv_part cimport conv_part_entries
from fastlb_core.program.conv_protobuf cimport conv_protobuf_entries
from fastlb_core.program.conv_regex cimport conv_regex_entries
from fastlb_core.program.conv_text cimport conv_text_entries
from fastlb_core.program.conv_x509 cimport conv_x509_entries
from fastlb_core.program.expr cimport conv_entry_t, conv_fn, fetch_entry_t, fetch_fn
from fastlb_core.program.fetch_auth cimport fetch_auth_entries
from fastlb_core.program.fetch_body cimport fetch_body_entries
from fastlb_core.program.fetch_const cimport fetch_const_entries
from fastlb_core.program.fetch_cookie cimport fetch_cookie_entries
from fastlb_core.program.fetch_fcgi cimport fetch_fcgi_entries
from fastlb_core.program.fetch_headers cimport fetch_headers_entries
from fastlb_core.program.fetch_http cimport fetch_http_entries
from fastlb_core.program.fetch_payload cimport fetch_payload_entries
from fastlb_core.program.fetch_tls_hello cimport fetch_tls_hello_entries
from fastlb_core.program.fetch_url cimport fetch_url_entries
from fastlb_core.program.fetch_vars cimport conv_vars_entries, fetch_vars_entries
from fastlb_core.program.logformat cimport alias_entry_t, alias_fn
from fastlb_core.program.rules cimport action_entry_t, action_fn
from fastlb_core.proxy.conv_names cimport conv_names_entries
from fastlb_core.proxy.action_answers cimport action_answers_entries
from fastlb_core.proxy.action_captures cimport action_captures_entries
from fastlb_core.proxy.action_connection cimport action_connection_entries
from fastlb_core.proxy.action_filters cimport action_filters_entries
from fastlb_core.proxy.action_flow cimport action_flow_entries
from fastlb_core.proxy.action_forwarded cimport action_forwarded_entries
from fastlb_core.proxy.action_headers cimport action_headers_entries
from fastlb_core.proxy.action_log cimport action_log_entries
from fastlb_core.proxy.action_redirect cimport action_redirect_entries
from fastlb_core.proxy.action_request_line cimport action_request_line_entries
from fastlb_core.proxy.action_resolve cimport action_resolve_entries
from fastlb_core.proxy.action_service cimport action_service_entries
from fastlb_core.proxy.action_tracking cimport action_tracking_entries
from fastlb_core.proxy.action_variables cimport action_variables_entries
from fastlb_core.proxy.conv_when cimport conv_when_entries
from fastlb_core.proxy.fetch_certificate cimport fetch_certificate_entries
from fastlb_core.proxy.fetch_conn cimport fetch_conn_entries
from fastlb_core.proxy.fetch_process cimport fetch_process_entries
from fastlb_core.proxy.fetch_proxy cimport fetch_proxy_entries
from fastlb_core.proxy.fetch_stream cimport fetch_stream_entries
from fastlb_core.proxy.fetch_timers cimport fetch_timers_entries
from fastlb_core.proxy.fetch_tls cimport fetch_tls_entries
from fastlb_core.proxy.fetch_track cimport conv_track_entries, fetch_track_entries
from fastlb_core.proxy.fetch_unique_id cimport fetch_unique_id_entries
from fastlb_core.proxy.log_alias cimport log_alias_entries
from fastlb_core.proxy.log_alias_http cimport log_alias_http_entries

ctypedef const fetch_entry_t* (*fetch_table_fn)(uint32_t* n) noexcept nogil
ctypedef const conv_entry_t* (*conv_table_fn)(uint32_t* n) noexcept nogil

ctypedef const action_entry_t* (*action_table_fn)(uint32_t* n) noexcept nogil
ctypedef const alias_entry_t* (*alias_table_fn)(uint32_t* n) noexcept nogil

# Every table of the core, NULL behind the last.
cdef fetch_table_fn* fetch_tables = [
    fetch_const_entries,
    fetch_http_entries,
    fetch_vars_entries,
    fetch_stream_entries,
    fetch_auth_entries,
    fetch_body_entries,
    fetch_cookie_entries,
    fetch_fcgi_entries,
    fetch_headers_entries,
    fetch_payload_entries,
    fetch_tls_hello_entries,
    fetch_url_entries,
    fetch_track_entries,
    fetch_conn_entries,
    fetch_process_entries,
    fetch_proxy_entries,
    fetch_timers_entries,
    fetch_unique_id_entries,
    fetch_tls_entries,
    fetch_certificate_entries,
    NULL,
]
cdef conv_table_fn* conv_tables = [
    conv_text_entries,
    conv_part_entries,
    conv_join_entries,
    conv_number_entries,
    conv_encode_entries,
    conv_json_entries,
    conv_date_entries,
    conv_address_entries,
    conv_forwarded_entries,
    conv_x509_entries,
    conv_vars_entries,
    conv_regex_entries,
    conv_hash_entries,
    conv_map_entries,
    conv_cipher_entries,
    conv_digest_entries,
    conv_fix_entries,
    conv_json_query_entries,
    conv_jwe_entries,
    conv_jwt_entries,
    conv_mqtt_entries,
    conv_protobuf_entries,
    conv_track_entries,
    conv_when_entries,
    conv_names_entries,
    NULL,
]
cdef action_table_fn* action_tables = [
    action_flow_entries,
    action_forwarded_entries,
    action_answers_entries,
    action_service_entries,
    action_log_entries,
    action_redirect_entries,
    action_headers_entries,
    action_request_line_entries,
    action_variables_entries,
    action_tracking_entries,
    action_connection_entries,
    action_captures_entries,
    action_filters_entries,
    action_resolve_entries,
    NULL,
]
cdef alias_table_fn* alias_tables = [
    log_alias_entries,
    log_alias_http_entries,
    NULL,
]


# What the entries of all these tables look like: a name, then a function of the table's type.
cdef struct entry_t:
    const char* name
    void* fn

ctypedef const entry_t* (*table_fn)(uint32_t* n) noexcept nogil


cdef void* _find(const table_fn* table, const char* name) noexcept nogil:
    cdef const entry_t* entries
    cdef uint32_t n = 0, i
    while table[0] != NULL:
        entries = table[0](&n)
        for i in range(n):
            if strcmp(entries[i].name, name) == 0:
                return entries[i].fn
        table += 1
    return NULL


cdef list _names(const table_fn* table):
    """Sorted, each once."""
    cdef const entry_t* entries
    cdef uint32_t n = 0, i
    found: set[str] = set()
    while table[0] != NULL:
        entries = table[0](&n)
        for i in range(n):
            found.add(entries[i].name.decode())
        table += 1
    return sorted(found)


cdef fetch_fn find_fetch(const char* name) noexcept nogil:
    return <fetch_fn> _find(<const table_fn*> fetch_tables, name)


cdef conv_fn find_conv(const char* name) noexcept nogil:
    return <conv_fn> _find(<const table_fn*> conv_tables, name)


cdef action_fn find_action(const char* name) noexcept nogil:
    return <action_fn> _find(<const table_fn*> action_tables, name)


cdef alias_fn find_alias(const char* name) noexcept nogil:
    return <alias_fn> _find(<const table_fn*> alias_tables, name)


def aliases() -> list[str]:
    """The log aliases that the core implements, sorted."""
    return _names(<const table_fn*> alias_tables)


def names() -> tuple[list[str], list[str]]:
    """The names of all fetches and of all converters that the core implements, sorted."""
    return _names(<const table_fn*> fetch_tables), _names(<const table_fn*> conv_tables)


def action_names() -> list[str]:
    """The names of all actions that the core implements, sorted."""
    return _names(<const table_fn*> action_tables)
