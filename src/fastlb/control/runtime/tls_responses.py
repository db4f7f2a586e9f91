"""Commands on OCSP responses: `set` and `show ssl ocsp-response`.

Knows HAProxy's words (management guide, section 9.3).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace

from fastlb_core.bridge.renewal import ocsp_text

from fastlb.config.tls_files import end_of_response
from fastlb.config.tls_model import KeyPair
from fastlb.control.runtime.command import Command, Level, Refused, Request
from fastlb.control.tls.draft import response_fault
from fastlb.control.tls.wire import packed_pair


def response_text(response: bytes) -> str:
    """Like `openssl ocsp -respin FILE -text`; empty lines have a blank, because an empty one ends an answer."""
    text = ocsp_text(response).decode("utf-8", "replace")
    return "".join(f"{line or ' '}\n" for line in text.splitlines())


def _with_responses(request: Request) -> dict[str, list[KeyPair]]:
    """The certificates that have a response, by its key."""
    from fastlb.control.tls.describe import response_key

    found: dict[str, list[KeyPair]] = {}
    for pair in request.control.certificates.material.pairs.values():
        if pair is not None and pair.ocsp:
            found.setdefault(response_key(pair.ocsp), []).append(pair)
    return found


async def _set(request: Request) -> str:
    text = request.payload or request.argument(0)
    if not text.strip():
        raise Refused("'set ssl ocsp-response' expects response in base64 encoding.\n")
    try:
        response = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("'set ssl ocsp-response' received invalid base64 encoded response.\n") from None
    if fault := response_fault(response):
        raise Refused(f"{fault}.\n")
    from fastlb.control.tls.describe import response_key

    pairs = _with_responses(request).get(response_key(response), [])
    if not pairs:
        raise Refused("OCSP single response: Certificate ID does not match any certificate or issuer.\n")
    until = end_of_response(response)
    changes = [["pair", pair.name, packed_pair(replace(pair, ocsp=response, ocsp_until=until))] for pair in pairs]
    await request.control.certificates.perform(*changes)
    return "OCSP Response updated!\n"


def _show(request: Request) -> str:
    wanted = request.argument(0)
    known = _with_responses(request)
    if wanted:
        if wanted not in known:
            raise Refused("Certificate ID does not match any certificate.\n")
        return response_text(known[wanted][0].ocsp)
    if not known:
        return ""
    from fastlb.control.tls.describe import response_lines

    entries = ["".join(f"{line}\n" for line in response_lines(pairs[0].ocsp)) for _, pairs in sorted(known.items())]
    return "# Certificate IDs\n" + "".join(entries)


COMMANDS = (
    Command(("set", "ssl", "ocsp-response"), _set, "renew an OCSP response", "<resp|payload>", Level.ADMIN),
    Command(("show", "ssl", "ocsp-response"), _show, "the OCSP responses, or one in full", "[<id>]"),
)
