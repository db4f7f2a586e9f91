"""Names and numbers of what stick tables are keyed by and store (manual, section 4.2 "stick-table").

Knows HAProxy's names; the numbers are those of ext/fastlb_core/proxy/stick_table.pxd. Must not know statements nor rules.
"""

from __future__ import annotations

from .values import names

# Name -> (stick_key_type_t, bytes of a key, 0 where `len` says it, name of the samples.types.SampleType that a value is cast to).
KEY_TYPES: dict[str, tuple[int, int, str]] = {
    "ip": (0, 4, "IPV4"),
    "ipv4": (0, 4, "IPV4"),
    "ipv6": (1, 16, "IPV6"),
    "integer": (2, 4, "SINT"),
    "string": (3, 0, "STR"),
    "binary": (4, 0, "BIN"),
}
DEFAULT_LENGTH = 32
MAX_ELEMENTS = 100

# In the order of stick_type_t, which is also that of `show table`.
DATA_TYPES = names("""
server_id gpt0 gpc0 gpc0_rate conn_cnt conn_rate conn_cur sess_cnt sess_rate http_req_cnt http_req_rate http_err_cnt
http_err_rate bytes_in_cnt bytes_in_rate bytes_out_cnt bytes_out_rate gpc1 gpc1_rate server_key http_fail_cnt http_fail_rate
gpt gpc gpc_rate glitch_cnt glitch_rate
""")
DATA_NUMBERS = {name: number for number, name in enumerate(DATA_TYPES)}
ARRAYS = frozenset({"gpt", "gpc", "gpc_rate"})
ALIASES = {"server_name": "server_key"}
# An array takes the place of its single forms: (array, single forms, HAProxy's words for those).
EXCLUSIONS = (
    ("gpt", ("gpt0",), "gpt0"),
    ("gpc", ("gpc0", "gpc1"), "gpc[0/1]"),
    ("gpc_rate", ("gpc0_rate", "gpc1_rate"), "gpc[0/1]_rate"),
)


def is_rate(name: str) -> bool:
    """True for data types that have a period."""
    return name.endswith("_rate")
