# Fills hash_key_t (program/hash_key.pxd) and the settings of lb_t from plain values. Knows the structs; must not know keywords.

from fastlb_core.bridge.layout_expr cimport keep, put_expr, take
from fastlb_core.lb.server cimport AFFINITY_ALWAYS, AFFINITY_MAXCONN, AFFINITY_MAXQUEUE
from fastlb_core.program.expr cimport expr_t
from fastlb_core.program.hash_key cimport KEY_DOMAIN, KEY_PATH_ONLY, KEY_POST, KEY_WHOLE, hash_key_t, key_find, key_hash_find
from fastlb_core.program.program cimport program_t, px_t

# hash_key_t.flags by the words of the configuration.
FLAGS = {
    "whole": <int> KEY_WHOLE, "path-only": <int> KEY_PATH_ONLY, "use_domain_only": <int> KEY_DOMAIN, "check_post": <int> KEY_POST,
}

AFFINITIES = {"always": <int> AFFINITY_ALWAYS, "maxconn": <int> AFFINITY_MAXCONN, "maxqueue": <int> AFFINITY_MAXQUEUE}


cdef int lay_out_balance(program_t* program, px_t* px, dict values) except -1:
    cdef hash_key_t* conf
    cdef expr_t* expr
    cdef bytes key = values["key"].encode(), function = values["function"].encode()
    px.lb.draws = values["draws"]
    px.lb.balance_factor = values["balance_factor"]
    px.lb.affinity = AFFINITIES[values["affinity"]]
    if not key:
        return 0
    conf = <hash_key_t*> take(program, sizeof(hash_key_t))
    px.hash_key = conf
    if not key_find(<const char*> key, &conf.fn):
        raise KeyError(f"nothing is hashed that is called {values['key']!r}")
    conf.hash = key_hash_find(<const char*> function)
    if conf.hash == NULL:
        raise KeyError(f"no hash function is called {values['function']!r}")
    conf.avalanche = values["avalanche"]
    for word in values["flags"]:
        conf.flags |= <int> FLAGS[word]
    if conf.flags & KEY_POST:
        # The body is waited for behind the rules.
        px.has_rules = True
    conf.max_len = values["max_len"]
    conf.depth = values["depth"]
    keep(program, &conf.name, values["name"])
    if values["expr"] is not None:
        expr = <expr_t*> take(program, sizeof(expr_t))
        put_expr(program, expr, values["expr"])
        conf.expr = expr
    return 0
