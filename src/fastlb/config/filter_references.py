"""What ties filters to other lines of their proxy and to stick tables: names, kinds, data types.

Knows the rules behind `filter` and `set-bandwidth-limit` that need all files read. Must not know keywords' grammar.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .actions.row import RULE_SETS
from .diagnostics import nearest
from .expressions import unavailable
from .keywords.filters import COMPRESSIONS, bwlim_name, filters_of, is_shared
from .model import Location, Proxy
from .rule import Rule
from .samples.ast import Expression
from .samples.values import TableRef

# code, message, where, lead, hint
Alert = Callable[[str, str, Location, str, str], None]
_KEYWORDS = dict(RULE_SETS.values())


def check_filters(px: Proxy, proxies: Sequence[Proxy], alert: Alert) -> None:
    """Reports what does not fit in the filters of `px`."""
    filters = filters_of(px)
    compresses = any(rule.core in COMPRESSIONS for rule in filters)
    if px.compression is not None and px.mode == "http" and filters and not compresses:
        message = f"config: {px.title} '{px.name}': require an explicit filter declaration to use HTTP compression"
        alert("no-filter", message, px.location, "", "add a line 'filter compression' where it shall stand among the others")
    for rule in filters:
        if bwlim_name(rule) and is_shared(rule):
            _check_table(px, rule, proxies, alert)
    for keyword, rules in px.rules.items():
        for rule in rules:
            if rule.core == "set-bandwidth-limit":
                _check_use(px, keyword, rule, alert)


def _check_table(px: Proxy, rule: Rule, proxies: Sequence[Proxy], alert: Alert) -> None:
    ref = rule.arguments[5]
    assert isinstance(ref, TableRef)
    name = ref.name or px.name
    table = next((other.stick_table for other in proxies if other.name == name and other.stick_table is not None), None)
    wanted = "bytes_in_rate" if rule.core == "bwlim-in" else "bytes_out_rate"
    # A table that is not there is told elsewhere (references.py).
    if table is not None and wanted not in {data.name for data in table.store}:
        message = f"Proxy '{px.name}': stick-table '{name}' used by bwlim filter '{bwlim_name(rule)}' does not store {wanted}."
        alert("wrong-table", message, rule.location, "", f"store {wanted}(1s)")


def _check_use(px: Proxy, keyword: str, rule: Rule, alert: Alert) -> None:
    name, limit, period = rule.arguments
    named = {bwlim_name(found): found for found in filters_of(px) if bwlim_name(found)}
    what = f"Proxy '{px.name}': '{keyword} set-bandwidth-limit'"
    found = named.get(str(name))
    if found is None:
        guess = nearest(str(name), named)
        hint = f"did you mean '{guess}'?" if guess else f"add a line 'filter bwlim-out {name} ...'"
        alert("unknown-filter", f"{what}: unable to find bwlim filter '{name}' in this proxy.", rule.location, "", hint)
        return
    if not is_shared(found):
        return
    if limit is not None or period is not None:
        message = f"{what}: filter '{name}' is shared, its limit and period cannot be set by a rule."
        alert("wrong-filter", message, rule.location, "", "only those with default-limit and default-period can be changed")
    key = found.arguments[4]
    assert isinstance(key, Expression)
    if missing := unavailable(key, _KEYWORDS[keyword]):
        message = f"{what}: the key '{key.text}' of filter '{name}' extracts information from '{missing}', not available here."
        alert("wrong-place", message, rule.location, "", "")
