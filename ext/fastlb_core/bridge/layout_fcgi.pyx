# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Fills fcgi_app_t (program/fcgi_app.pxd) from plain values. Knows the struct; must not know keywords.
#
#   {"name": bytes, "software": bytes, "docroot": bytes, "index": bytes, "path_info": regex or None, "flags": FLAGS,
#    "params": [(name in capitals, [rules]), ...] in the order of the names, "pass_headers": [rules], "log_targets": [...]}

from libc.stdint cimport uint32_t

from fastlb_core.bridge.layout_expr cimport keep, new_regex, new_rules, take
from fastlb_core.bridge.layout_log cimport log_targets
from fastlb_core.program.fcgi_app cimport FCGI_APP_GET_VALUES, FCGI_APP_KEEP_CONN, fcgi_app_t, fcgi_param_t
from fastlb_core.program.program cimport program_t

# The numbers of the options' names in the configuration.
FLAGS = {"keep-conn": <int> FCGI_APP_KEEP_CONN, "get-values": <int> FCGI_APP_GET_VALUES}


cdef int fill_app(program_t* program, fcgi_app_t* app, dict values) except -1:
    cdef uint32_t i
    keep(program, &app.name, values["name"])
    keep(program, &app.software, values["software"])
    keep(program, &app.docroot, values["docroot"])
    keep(program, &app.index_name, values["index"])
    app.flags = values["flags"]
    if values["path_info"] is not None:
        app.path_info = new_regex(program, values["path_info"], False)
    app.n_params = len(values["params"])
    app.params = <fcgi_param_t*> take(program, sizeof(fcgi_param_t) * app.n_params)
    for i, (name, rules) in enumerate(values["params"]):
        keep(program, &app.params[i].name, name)
        app.params[i].rules = new_rules(program, rules, 0)
    app.pass_headers = new_rules(program, values["pass_headers"], 0)
    app.log_targets = log_targets(program, values["log_targets"])
    app.n_log_targets = len(values["log_targets"])
    return 0


cdef int lay_out_fcgi(program_t* program, list apps) except -1:
    cdef fcgi_app_t* app
    cdef uint32_t i
    program.n_fcgi_apps = len(apps)
    program.fcgi_apps = <void**> take(program, sizeof(void*) * program.n_fcgi_apps)
    for i, values in enumerate(apps):
        app = <fcgi_app_t*> take(program, sizeof(fcgi_app_t))
        app.index = i
        fill_app(program, app, values)
        program.fcgi_apps[i] = app
    return 0
