"""Runs the table of converter cases: in the core alone, and as one configuration with an answer for each case."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from fastlb_core.bridge import exprkit

from fastlb.config.samples.types import BIN
from fastlb.config.samples.values import Unset

from .converter_cases import VARIABLES, Case, Input
from .proxy import HTTP, Proxy

# As haproxy's `hex` shows it, with a full stop behind: nothing at all is a value that is missing.
MISSING = ""


def shown(value: object) -> str:
    if value is None:
        return MISSING
    data = exprkit.cast(value, int(BIN))
    return f"{data.hex().upper()}."


def convert(case: Case, variables: dict[str, Input], room: int = 65536) -> Input | IPv4Address | IPv6Address | None:
    """What the core yields; room: bytes of the scratch area."""
    arguments = [None if isinstance(value, Unset) else value for value in case.arguments]
    core = case.row.core or case.name
    return exprkit.convert(core, case.value, *arguments, input_type=int(case.row.input), variables=variables, room=room)


def in_core(case: Case) -> str:
    """What the core makes of the case; of cases that change variables also the first one's value."""
    variables = {name: value for name, _, value in VARIABLES}
    text = shown(convert(case, variables))
    return f"{text}/{shown(variables.get(case.written[0]))}" if case.name.endswith("set-var") else text


def configuration(cases: list[Case]) -> str:
    """`/N` is answered with what the Nth case yields."""
    lines = [HTTP, "frontend fe", "    bind fd@fe"]
    # The converter keeps the value's type, as the action of that name does.
    lines += [f"    http-request set-header x-set '%[{expression},set-var({name})]'" for name, expression, _ in VARIABLES]
    for index, case in enumerate(cases):
        body = f"%[{case.expression},hex,concat(.)]"
        if case.name.endswith("set-var"):
            body += f"/%[var({case.written[0]}),hex,concat(.)]"
        lines.append(
            f"    http-request return status 200 content-type text/plain lf-string '{body}' if {{ path /{index} }}"
        )
    return "\n".join(lines)


def in_program(program: str, cases: list[Case]) -> list[str]:
    """What a whole program makes of the cases, in their order."""
    proxy = Proxy(program, configuration(cases))
    try:
        client = proxy.client()
        answers = [client.request(f"/{index}").body.decode() for index in range(len(cases))]
        client.close()
    finally:
        proxy.finish()
    return answers
