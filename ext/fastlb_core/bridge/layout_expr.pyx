# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Lays out expressions, formats, conditions and rules from the plain values that compile/ made of the model.
#
# Knows those values' form and the structs of program/. Must not know any fetch, converter or action. The forms:
#   argument    None (left out) | int | bytes | IPv4Address | IPv6Address | (tag, ...) with one of the tags in `put_tagged`
#   expression  ("expr", fetch, [arguments], [(converter, input type, [arguments]), ...])
#   format      ("format", [(kind, value, flags, name, argument), ...], flags), kind "text", "space", "expr" or "alias"
#   condition   {"unless": bool, "terms": [(acl, is_negated, ends_group), ...]}
#   acl         {"name": bytes, "lines": [{"expr": expression, "method": int, "patterns": [index, ...]}, ...]}
#   rule        {"action": bytes, "arguments": [...], "condition": condition or None, "file": bytes, "line": int,
#               "is_final": bool}

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastlb_core.base.slice cimport slice_eq, slice_of, slice_t
from fastlb_core.bridge.registry cimport find_action, find_alias, find_conv, find_fetch
from fastlb_core.program.acl cimport acl_line_t, acl_t, cond_t, cond_term_t
from fastlb_core.program.expr cimport (
    ARG_ACL, ARG_CAPTURE, ARG_EXPR, ARG_FORMAT, ARG_IPV4, ARG_IPV6, ARG_LIST, ARG_LOG_PROFILE, ARG_PATTERNS, ARG_PROXY, ARG_REGEX,
    ARG_SERVER, ARG_SINT, ARG_STOP, ARG_STR, ARG_TABLE, ARG_UNSET, ARG_USERS, ARG_VAR, arg_t, conv_t, expr_t,
)
from fastlb_core.program.keystore cimport keystore_add
from fastlb_core.program.logformat cimport LF_ALIAS, LF_EXPR, LF_SPACE, LF_TEXT, lf_item_t, logformat_t
from fastlb_core.program.pattern cimport pat_index_t
from fastlb_core.program.program cimport err_index, program_own, program_t, px_t
from fastlb_core.program.regex cimport REGEX_CAPTURE, REGEX_ERROR_MAX, REGEX_ICASE, regex_free, regex_new, regex_t
from fastlb_core.program.region cimport region_alloc, region_copy
from fastlb_core.program.rules cimport RULES_FILTER, rule_t, rules_t
from fastlb_core.program.userlist cimport user_t, userlist_t

from ipaddress import IPv4Address, IPv6Address


cdef void* take(program_t* program, uint64_t size) except NULL:
    cdef void* piece = region_alloc(&program.region, size if size else 1)
    if piece == NULL:
        raise MemoryError("the program does not fit into memory")
    return piece


cdef int keep(program_t* program, slice_t* into, bytes text) except -1:
    into[0] = region_copy(&program.region, <const char*> text, len(text))
    if into.ptr == NULL:
        raise MemoryError("the program does not fit into memory")
    return 0


# ---- arguments

cdef void free_regex(void* re) noexcept nogil:
    regex_free(<regex_t*> re)


cdef regex_t* new_regex(program_t* program, bytes pattern, bint ignore_case) except NULL:
    """A regex with groups. Raises ValueError with HAProxy's words."""
    cdef char error[REGEX_ERROR_MAX]
    cdef int flags = REGEX_CAPTURE | (REGEX_ICASE if ignore_case else 0)
    cdef regex_t* re = regex_new(<const char*> pattern, len(pattern), flags, error)
    if re == NULL:
        text = pattern.decode("utf-8", "replace")
        raise ValueError(f"regex '{text}' is invalid ({(<bytes> error).decode('utf-8', 'replace')})")
    if not program_own(program, re, free_regex):
        regex_free(re)
        raise MemoryError("the program does not fit into memory")
    return re


cdef slice_t _slice(bytes text):
    return slice_of(<const char*> text, <uint32_t> len(text))


cdef int put_tagged(program_t* program, arg_t* arg, tuple value) except -1:
    tag = value[0]
    if tag == "expr":
        arg.type = ARG_EXPR
        arg.ptr = take(program, sizeof(expr_t))
        put_expr(program, <expr_t*> arg.ptr, value)
    elif tag == "format":
        arg.type = ARG_FORMAT
        arg.ptr = new_format(program, value)
    elif tag == "proxy":
        arg.type = ARG_PROXY
        arg.ptr = program.proxies[<uint32_t> value[1]]
    elif tag == "server":
        arg.type = ARG_SERVER
        arg.ptr = program.servers[<uint32_t> value[1]]
    elif tag == "table":
        # The table of that proxy; a disabled one may have none.
        arg.type = ARG_TABLE
        arg.ptr = program.proxies[<uint32_t> value[1]].table
    elif tag == "var":
        arg.type = ARG_VAR
        arg.num, arg.num2 = value[1], value[2]
        keep(program, &arg.str, value[3])
    elif tag == "acl":
        arg.type = ARG_ACL
        arg.ptr = program.acls[<uint32_t> value[1]]
        arg.num = value[2]
    elif tag == "patterns":
        arg.type = ARG_PATTERNS
        arg.ptr = program.patterns[<uint32_t> value[1]]
    elif tag == "regex":
        arg.type = ARG_REGEX
        arg.ptr = new_regex(program, value[1], value[2])
    elif tag == "users":
        arg.type = ARG_USERS
        arg.ptr = program.userlists[<uint32_t> value[1]]
    elif tag == "key":
        # haproxy: a key file that is missing is accepted; the converter says so at run time.
        if value[2] and not keystore_add(_slice(value[1]), <const char*> (<bytes> value[2]), <uint32_t> len(value[2])):
            raise ValueError(f"'{value[1].decode('utf-8', 'replace')}' holds no public key")
        arg.type = ARG_STR
        keep(program, &arg.str, value[1])
    elif tag == "log_profile":
        arg.type = ARG_LOG_PROFILE
        arg.ptr = &program.log_profiles[<uint32_t> value[1]]
    elif tag == "file":
        arg.type = ARG_PATTERNS
        arg.ptr = find_patterns(program, value[1])
    elif tag == "capture":
        arg.type = ARG_CAPTURE
        arg.num, arg.num2 = value[1], value[2]
    elif tag == "list":
        arg.type = ARG_LIST
        arg.ptr = new_args(program, value[1])
    else:
        raise ValueError(f"an argument of an unknown kind: {tag}")
    return 0


cdef int put_arg(program_t* program, arg_t* arg, value) except -1:
    cdef bytes packed
    if value is None:
        arg.type = ARG_UNSET
    elif isinstance(value, int):
        arg.type = ARG_SINT
        arg.num = value
    elif isinstance(value, bytes):
        arg.type = ARG_STR
        keep(program, &arg.str, value)
    elif isinstance(value, (IPv4Address, IPv6Address)):
        packed = value.packed
        arg.type = ARG_IPV4 if len(packed) == 4 else ARG_IPV6
        memcpy(arg.ip, <const char*> packed, len(packed))
    else:
        put_tagged(program, arg, value)
    return 0


cdef arg_t* new_args(program_t* program, values) except NULL:
    """The arguments with ARG_STOP behind them; four more of those, so that a function may look at one that is not there."""
    cdef arg_t* args = <arg_t*> take(program, sizeof(arg_t) * (len(values) + 4))
    cdef uint32_t i
    for i, value in enumerate(values):
        put_arg(program, &args[i], value)
    args[len(values)].type = ARG_STOP
    return args


# ---- expressions and formats

cdef int put_expr(program_t* program, expr_t* expr, tuple value) except -1:
    cdef bytes name = value[1].encode()
    cdef uint32_t i
    expr.fetch = find_fetch(<const char*> name)
    if expr.fetch == NULL:
        raise KeyError(f"the core has no sample fetch '{value[1]}'")
    expr.args = new_args(program, value[2])
    expr.n_convs = <uint16_t> len(value[3])
    expr.convs = <conv_t*> take(program, sizeof(conv_t) * expr.n_convs)
    for i, (converter, input_type, arguments) in enumerate(value[3]):
        name = converter.encode()
        expr.convs[i].fn = find_conv(<const char*> name)
        if expr.convs[i].fn == NULL:
            raise KeyError(f"the core has no converter '{converter}'")
        expr.convs[i].in_type = input_type
        expr.convs[i].args = new_args(program, arguments)
    return 0


cdef expr_t* new_expression(program_t* program, tuple value) except NULL:
    cdef expr_t* expr = <expr_t*> take(program, sizeof(expr_t))
    put_expr(program, expr, value)
    return expr


cdef int put_item(program_t* program, lf_item_t* item, tuple value) except -1:
    cdef bytes letters
    kind, content, flags, name, argument = value
    item.flags = flags
    keep(program, &item.name, name)
    keep(program, &item.argument, argument)
    if kind == "text":
        item.kind = LF_TEXT
        keep(program, &item.text, content)
    elif kind == "space":
        item.kind = LF_SPACE
    elif kind == "expr":
        item.kind = LF_EXPR
        put_expr(program, &item.expr, content)
    else:
        letters = content.encode()
        item.kind = LF_ALIAS
        item.alias = find_alias(<const char*> letters)
        if item.alias == NULL:
            raise KeyError(f"the core has no log alias '{content}'")
    return 0


cdef logformat_t* new_format(program_t* program, tuple value) except NULL:
    cdef logformat_t* format = <logformat_t*> take(program, sizeof(logformat_t))
    cdef uint32_t i
    format.n_items = len(value[1])
    format.flags = value[2]
    format.items = <lf_item_t*> take(program, sizeof(lf_item_t) * format.n_items)
    for i, item in enumerate(value[1]):
        put_item(program, &format.items[i], item)
    return format


# ---- user lists

cdef int put_user(program_t* program, user_t* user, tuple value) except -1:
    cdef slice_t* groups
    cdef uint32_t i
    name, password, is_plain, names = value
    keep(program, &user.name, name)
    keep(program, &user.password, password)
    user.is_plain = is_plain
    user.n_groups = len(names)
    groups = <slice_t*> take(program, sizeof(slice_t) * user.n_groups)
    for i, group in enumerate(names):
        keep(program, &groups[i], group)
    user.groups = groups
    return 0


cdef int lay_out_userlists(program_t* program, list userlists) except -1:
    cdef userlist_t* users
    cdef user_t* items
    cdef uint32_t at, i
    program.n_userlists = len(userlists)
    program.userlists = <void**> take(program, sizeof(void*) * program.n_userlists)
    for at, (name, values) in enumerate(userlists):
        users = <userlist_t*> take(program, sizeof(userlist_t))
        program.userlists[at] = users
        keep(program, &users.name, name)
        users.n_users = len(values)
        items = <user_t*> take(program, sizeof(user_t) * users.n_users)
        users.users = items
        for i, value in enumerate(values):
            put_user(program, &items[i], value)
    return 0


# ---- ACLs and conditions

cdef int put_line(program_t* program, acl_line_t* line, dict value) except -1:
    cdef uint32_t i
    put_expr(program, &line.expr, value["expr"])
    line.method = value["method"]
    line.n_indexes = len(value["patterns"])
    line.indexes = <void**> take(program, sizeof(void*) * line.n_indexes)
    for i, index in enumerate(value["patterns"]):
        line.indexes[i] = program.patterns[<uint32_t> index]
    return 0


cdef pat_index_t* find_patterns(program_t* program, bytes file) except NULL:
    """Any use of the file's patterns."""
    cdef uint32_t at
    cdef pat_index_t* index
    for at in range(program.n_patterns):
        index = <pat_index_t*> program.patterns[at]
        if slice_eq(index.ref.name, <const char*> file, <uint32_t> len(file)):
            return index
    raise KeyError(f"no ACL or map reads '{file.decode()}'")


cdef int lay_out_acls(program_t* program, list acls) except -1:
    cdef acl_t* acl
    cdef uint32_t i, at
    program.n_acls = len(acls)
    program.acls = <void**> take(program, sizeof(void*) * program.n_acls)
    for at in range(program.n_acls):
        program.acls[at] = take(program, sizeof(acl_t))
    for at, value in enumerate(acls):
        acl = <acl_t*> program.acls[at]
        keep(program, &acl.name, value["name"])
        acl.n_lines = len(value["lines"])
        acl.lines = <acl_line_t*> take(program, sizeof(acl_line_t) * acl.n_lines)
        for i, line in enumerate(value["lines"]):
            put_line(program, &acl.lines[i], line)
    return 0


cdef cond_t* new_cond(program_t* program, dict value) except NULL:
    cdef cond_t* cond = <cond_t*> take(program, sizeof(cond_t))
    cdef uint32_t i
    terms = value["terms"]
    cond.is_unless = value["unless"]
    cond.n_terms = len(terms)
    cond.terms = <cond_term_t*> take(program, sizeof(cond_term_t) * cond.n_terms)
    for i, (acl, is_negated, ends_group) in enumerate(terms):
        cond.terms[i].acl = <acl_t*> program.acls[<uint32_t> acl]
        cond.terms[i].is_negated = is_negated
        cond.terms[i].ends_group = ends_group
    return cond


# ---- rules

cdef int put_rule(program_t* program, rule_t* rule, dict value, uint8_t number) except -1:
    cdef bytes name = value["action"]
    rule.fn = find_action(<const char*> name)
    if rule.fn == NULL and value["needs_action"]:
        raise KeyError(f"the core has no action '{name.decode()}'")
    rule.args = new_args(program, value["arguments"])
    rule.cond = new_cond(program, value["condition"]) if value["condition"] is not None else NULL
    keep(program, &rule.file, value["file"])
    rule.line = value["line"]
    rule.set = number
    rule.is_final = value.get("is_final", False)
    return 0


cdef int lay_out_error_answers(program_t* program, px_t* px, dict answers) except -1:
    for status, arguments in answers.items():
        px.error_answers[err_index(status)] = new_args(program, arguments)
    return 0


cdef rules_t* new_rules(program_t* program, list values, uint8_t number) except NULL:
    cdef rules_t* laid = <rules_t*> take(program, sizeof(rules_t))
    cdef uint32_t i
    laid.n_items = len(values)
    laid.items = <rule_t*> take(program, sizeof(rule_t) * laid.n_items)
    for i, value in enumerate(values):
        put_rule(program, &laid.items[i], value, number)
    return laid


cdef int lay_out_start(program_t* program, list rules) except -1:
    if rules:
        program.at_start = new_rules(program, rules, 0)
    return 0


cdef int lay_out_rules(program_t* program, px_t* px, dict rules) except -1:
    for number, values in rules.items():
        px.rules[<int> number] = new_rules(program, values, number)
        px.has_rules |= number != <int> RULES_FILTER
    if px.internal_prefix.len:
        px.has_rules = True
    return 0
