# cython: language_level=3
# The core's enumerations by name, for src/fastlb/compile/. Knows program.pxd and lb/server.pxd; no logic.

from fastlb_core.http cimport h1
from fastlb_core.lb cimport server as lb
from fastlb_core.program cimport acl as ac
from fastlb_core.program cimport program as pr
from fastlb_core.program cimport regex as re
from fastlb_core.program cimport rules as ru

CAPS = {"frontend": pr.PX_CAP_FE, "backend": pr.PX_CAP_BE, "listen": pr.PX_CAP_FE | pr.PX_CAP_BE}
MODES = {"tcp": pr.PX_MODE_TCP, "http": pr.PX_MODE_HTTP}
HTTP_MODES = {
    "keep-alive": pr.HTTP_MODE_KEEP_ALIVE,
    "server-close": pr.HTTP_MODE_SERVER_CLOSE,
    "close": pr.HTTP_MODE_CLOSE,
}
REUSE = {
    "never": pr.REUSE_NEVER,
    "safe": pr.REUSE_SAFE,
    "aggressive": pr.REUSE_AGGRESSIVE,
    "always": pr.REUSE_ALWAYS,
}
# "none" stands for a proxy without any log target.
LOG_KINDS = {
    "none": pr.LOG_K_NONE,
    "": pr.LOG_K_DEFAULT,
    "tcplog": pr.LOG_K_TCP,
    "httplog": pr.LOG_K_HTTP,
    "format": pr.LOG_K_FORMAT,
    "httplog json": pr.LOG_K_JSON,
}
LOG_SINKS = {"udp": pr.LOG_SINK_UDP, "unix": pr.LOG_SINK_UNIX, "fd": pr.LOG_SINK_FD, "ring": pr.LOG_SINK_RING}
LOG_STEPS = {
    "any": pr.LOG_S_ANY, "accept": pr.LOG_S_ACCEPT, "request": pr.LOG_S_REQUEST, "connect": pr.LOG_S_CONNECT,
    "response": pr.LOG_S_RESPONSE, "close": pr.LOG_S_CLOSE, "error": pr.LOG_S_ERROR,
    # of `do-log`, by rule set
    "tcp-req-conn": pr.LOG_S_RULES + ru.RULES_TCP_CONNECTION, "tcp-req-sess": pr.LOG_S_RULES + ru.RULES_TCP_SESSION,
    "tcp-req-cont": pr.LOG_S_RULES + ru.RULES_TCP_REQUEST, "tcp-res-cont": pr.LOG_S_RULES + ru.RULES_TCP_RESPONSE,
    "http-req": pr.LOG_S_RULES + ru.RULES_HTTP_REQUEST, "http-res": pr.LOG_S_RULES + ru.RULES_HTTP_RESPONSE,
    "http-after-res": pr.LOG_S_RULES + ru.RULES_HTTP_AFTER,
}
LOG_FORMATS = {
    "rfc3164": pr.LOG_F_RFC3164,
    "rfc5424": pr.LOG_F_RFC5424,
    "raw": pr.LOG_F_RAW,
    "short": pr.LOG_F_SHORT,
    "timed": pr.LOG_F_TIMED,
    "priority": pr.LOG_F_PRIORITY,
    "local": pr.LOG_F_LOCAL,
    "iso": pr.LOG_F_ISO,
}
# PX_O_* by the option's name in the configuration; those with arguments by what they mean.
OPTIONS = {
    "dontlognull": pr.PX_O_DONTLOGNULL,
    "dontlog-normal": pr.PX_O_DONTLOG_NORMAL,
    "logasap": pr.PX_O_LOGASAP,
    "forwardfor": pr.PX_O_FORWARDFOR,
    "forwardfor if-none": pr.PX_O_FWF_IF_NONE,
    "forwardfor except": pr.PX_O_FWF_EXCEPT,
    "abortonclose": pr.PX_O_ABORTONCLOSE,
    "splice-request": pr.PX_O_SPLICE_REQ,
    "splice-response": pr.PX_O_SPLICE_RTR,
    "splice-auto": pr.PX_O_SPLICE_AUTO,
    "clitcpka": pr.PX_O_CLITCPKA,
    "srvtcpka": pr.PX_O_SRVTCPKA,
    "tcpka": pr.PX_O_CLITCPKA | pr.PX_O_SRVTCPKA,
    "disabled": pr.PX_O_DISABLED,
    "persist": pr.PX_O_PERSIST,
    "persist rdp-cookie": pr.PX_O_PERSIST_RDP,
    "http-ignore-probes": pr.PX_O_IGNORE_PROBES,
    "nolinger frontend": pr.PX_O_NOLINGER_FE,
    "nolinger backend": pr.PX_O_NOLINGER_BE,
    "http-pretend-keepalive": pr.PX_O_PRETEND_KA,
    "tcp-smart-connect": pr.PX_O_SMART_CONNECT,
    "tcp-smart-accept": pr.PX_O_SMART_ACCEPT,
    "log-separate-errors": pr.PX_O_LOG_SEPARATE,
    "http-no-delay": pr.PX_O_HTTP_NO_DELAY,
    "waits for body": pr.PX_O_WAITS_BODY,
    "peeks http": pr.PX_O_PEEKS_HTTP,
    "socket-stats": pr.PX_O_SOCKET_STATS,
    "contstats": pr.PX_O_CONTSTATS,
    "prefer-last-server": pr.PX_O_PREFER_LAST,
    "independent-streams": pr.PX_O_INDEPENDENT,
}
# PX_H_* by the option's name, as OPTIONS.
HTTP_OPTIONS = {
    "originalto": pr.PX_H_ORIGINALTO,
    "originalto except": pr.PX_H_OTO_EXCEPT,
    "originalto if-none": pr.PX_H_OTO_IF_NONE,
    "h1-case-adjust-bogus-client": pr.PX_H_CASE_CLIENT,
    "h1-case-adjust-bogus-server": pr.PX_H_CASE_SERVER,
    "names delete": pr.PX_H_NAMES_DELETE,
    "names reject": pr.PX_H_NAMES_REJECT,
    "http-buffer-request": pr.PX_H_BUFFER_REQUEST,
    "accept-invalid-http-request": pr.PX_H_UNSAFE_REQUEST,
    "accept-unsafe-violations-in-http-request": pr.PX_H_UNSAFE_REQUEST,
    "accept-invalid-http-response": pr.PX_H_UNSAFE_RESPONSE,
    "accept-unsafe-violations-in-http-response": pr.PX_H_UNSAFE_RESPONSE,
    "http-drop-request-trailers": pr.PX_H_DROP_REQ_TRAILERS,
    "http-drop-response-trailers": pr.PX_H_DROP_RES_TRAILERS,
    "http-use-proxy-header": pr.PX_H_PROXY_HEADER,
    "checkcache": pr.PX_H_CHECK_CACHE,
}
RETRY_ON = {
    "conn-failure": pr.RETRY_CONN_FAILURE,
    "empty-response": pr.RETRY_EMPTY,
    "junk-response": pr.RETRY_JUNK,
    "response-timeout": pr.RETRY_TIMEOUT,
    "0rtt-rejected": 0,  # there is no early data without TLS
    "401": pr.RETRY_401,
    "403": pr.RETRY_403,
    "404": pr.RETRY_404,
    "408": pr.RETRY_408,
    "425": pr.RETRY_425,
    "429": pr.RETRY_429,
    "500": pr.RETRY_500,
    "501": pr.RETRY_501,
    "502": pr.RETRY_502,
    "503": pr.RETRY_503,
    "504": pr.RETRY_504,
}
SERVER_FLAGS = {
    "backup": lb.SRV_F_BACKUP,
    "check": lb.SRV_F_CHECK,
    "tfo": lb.SRV_F_TFO,
    "internal": lb.SRV_F_INTERNAL,
    "source": lb.SRV_F_HAS_SOURCE,
    "map-port": lb.SRV_F_MAP_PORT,
    "client-dst": lb.SRV_F_CLIENT_DST,
    "fcgi": lb.SRV_F_FCGI,
    "non-stick": lb.SRV_F_NON_STICK,
}
LISTENER_FLAGS = {
    "accept-proxy": pr.LI_F_ACCEPT_PROXY,
    "accept-netscaler-cip": pr.LI_F_ACCEPT_CIP,
    "shared": pr.LI_F_SHARED_FD,
    "unix": pr.LI_F_UNIX,
    "named": pr.LI_F_NAMED,
}
RULE_SETS = {
    "tcp-request connection": ru.RULES_TCP_CONNECTION,
    "tcp-request session": ru.RULES_TCP_SESSION,
    "tcp-request content": ru.RULES_TCP_REQUEST,
    "tcp-response content": ru.RULES_TCP_RESPONSE,
    "http-request": ru.RULES_HTTP_REQUEST,
    "http-response": ru.RULES_HTTP_RESPONSE,
    "http-after-response": ru.RULES_HTTP_AFTER,
    "redirect": ru.RULES_REDIRECT,
    "use_backend": ru.RULES_USE_BACKEND,
    "use-server": ru.RULES_USE_SERVER,
    "monitor fail": ru.RULES_MONITOR_FAIL,
    "persist": ru.RULES_PERSIST,
    "stick": ru.RULES_STICK,
    "stick store": ru.RULES_STICK_STORE,
    "stats http-request": ru.RULES_STATS,
    "option forwarded": ru.RULES_FORWARDED,
    "check": ru.RULES_CHECK,
    "stats admin": ru.RULES_STATS_ADMIN,
    "filter": ru.RULES_FILTER,
}
ACL_METHODS = {"found": ac.ACL_FOUND, "bool": ac.ACL_BOOL, "match": ac.ACL_MATCH}
ERROR_STATUSES = (200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504)
REGEX_ICASE = re.REGEX_ICASE
H1_ANY_PAYLOAD = h1.H1_F_ANY_PAYLOAD
REGEX_CAPTURE = re.REGEX_CAPTURE
