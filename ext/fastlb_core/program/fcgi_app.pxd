# A FastCGI application as its `fcgi-app` section describes it (manual, section 10).
# Knows the settings; must not know records or streams.

from libc.stdint cimport uint32_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.program cimport log_target_t
from fastlb_core.program.regex cimport regex_t
from fastlb_core.program.rules cimport rules_t

cdef enum:                       # fcgi_app_t.flags
    FCGI_APP_KEEP_CONN = 1       # option keep-conn
    FCGI_APP_GET_VALUES = 2      # option get-values

# The `set-param` lines of one name: the last one that holds and is not empty gives the value.
cdef struct fcgi_param_t:
    slice_t name                 # in upper case
    const rules_t* rules         # owned (program memory); args[0] is the format

cdef struct fcgi_app_t:
    slice_t name
    uint32_t index               # within the program
    uint32_t flags               # FCGI_APP_*
    slice_t software             # what SERVER_SOFTWARE says
    slice_t docroot
    slice_t index_name           # `index`; empty: none
    const regex_t* path_info     # owned (program), or NULL
    fcgi_param_t* params         # owned (program memory), in the order of their names
    uint32_t n_params
    const rules_t* pass_headers  # owned (program memory); args[0] is the name, in lower case
    log_target_t* log_targets    # owned (program memory): of `log-stderr`
    uint32_t n_log_targets
