"""Commands on certificates: `new`, `set`, `commit`, `abort`, `del` and `show ssl cert`.

Knows HAProxy's words (management guide, section 9.3). Must not know how lines get to other certificates.
"""

from __future__ import annotations

from fastlb.config.tls_model import KeyPair
from fastlb.config.values import ValueFault
from fastlb.control.runtime.command import Command, Level, Refused, Request
from fastlb.control.runtime.tls_responses import response_text
from fastlb.control.tls.certificates import Certificates
from fastlb.control.tls.draft import ENDS, Draft, draft_of
from fastlb.control.tls.transaction import Transaction
from fastlb.control.tls.wire import packed_pair

_PAIR = "pair"


def _open(certificates: Certificates) -> Transaction[Draft]:
    return certificates.transactions[_PAIR]


async def _new(request: Request) -> str:
    name = request.argument(0)
    certificates = request.control.certificates
    if not name:
        raise Refused("'new ssl cert' expects a filename\n")
    if name in certificates.material.pairs:
        raise Refused(f"Certificate '{name}' already exists!\n")
    await certificates.perform([_PAIR, name, None])
    return f"New empty certificate store '{name}'!\n"


def _named(certificates: Certificates, word: str) -> tuple[str, str]:
    """The certificate that `set ssl cert WORD` is about, and the end that says which part of it."""
    if word in certificates.material.pairs:
        return word, ""
    name, _, end = word.rpartition(".")
    return (name, end) if end in ENDS and name in certificates.material.pairs else (word, "")


def _set(request: Request) -> str:
    word = request.argument(0)
    certificates = request.control.certificates
    if not word or not request.payload:
        raise Refused("'set ssl cert expects a filename and a certificate as a payload\n")
    refusal = f"Can't update {word}!\n"
    name, end = _named(certificates, word)
    if name not in certificates.material.pairs:
        raise Refused(f"Can't replace a certificate which is not referenced by the configuration!\n{refusal}")
    # haproxy: puts what is meant for another certificate into the one whose transaction is open.
    transaction = _open(certificates)
    is_new = transaction.begin_or_go_on(name, refusal)
    draft = draft_of(name, certificates.material.pairs[name]) if is_new else transaction.collected
    assert draft is not None
    try:
        draft.load(end, request.payload)
    except ValueFault as fault:
        lead = fault.message if not fault.message or end == "ocsp" else f"{fault.message}\n"
        raise Refused(f"{lead}Can't load the payload\n{refusal}") from None
    transaction.name, transaction.collected = name, draft
    return f"Transaction {'created' if is_new else 'updated'} for certificate {name}!\n"


async def _commit(request: Request) -> str:
    name = request.argument(0)
    if not name:
        raise Refused("'commit ssl cert expects a filename\n")
    certificates = request.control.certificates
    draft = _open(certificates).take(name)
    try:
        pair = draft.pair()
        await certificates.perform([_PAIR, name, packed_pair(pair)])
    except ValueFault as fault:
        raise Refused(f"{fault.message}\nCan't commit {name}!\n") from None
    _open(certificates).end()
    return f"Committing {name}{'.' * certificates.uses(_PAIR, name)}\nSuccess!\n"


def _abort(request: Request) -> str:
    return _open(request.control.certificates).abort("abort ssl cert", request.argument(0))


async def _del(request: Request) -> str:
    name = request.argument(0)
    certificates = request.control.certificates
    refusal = "Can't remove the certificate: "
    if not name:
        raise Refused("'del ssl cert' expects a certificate name\n")
    if name not in certificates.material.pairs:
        raise Refused(f"{refusal}certificate '{name}' doesn't exist!\n")
    if certificates.uses(_PAIR, name):
        raise Refused(f"{refusal}certificate '{name}' in use, can't be deleted!\n")
    await certificates.perform(["gone", _PAIR, name])
    return f"Certificate '{name}' deleted!\n"


def _show(request: Request) -> str:
    word = request.argument(0)
    certificates = request.control.certificates
    if not word:
        drafted = _open(certificates).name
        lines = [f"# transaction\n*{drafted}\n"] if drafted else []
        return "".join([*lines, "# filename\n", *(f"{name}\n" for name in sorted(certificates.material.pairs))])
    wants_response = word.endswith(".ocsp") and not _is_known(certificates, word)
    name = word.removesuffix(".ocsp") if wants_response else word
    if not _is_known(certificates, name):
        raise Refused("Can't display the certificate: Not found or the certificate is a bundle!\n")
    pair = _drafted(certificates) if name.startswith("*") else certificates.material.pairs[name]
    if wants_response:
        return response_text(pair.ocsp) if pair is not None and pair.ocsp else ""
    return f"Filename: {name}\n" + _details(certificates, name, pair)


def _is_known(certificates: Certificates, name: str) -> bool:
    if name.startswith("*"):
        return bool(_open(certificates).name) and name[1:] == _open(certificates).name
    return name in certificates.material.pairs


def _drafted(certificates: Certificates) -> KeyPair | None:
    draft = _open(certificates).collected
    if draft is None or not draft.certificates:
        return None
    return KeyPair(draft.name, draft.certificates[0], draft.key, draft.certificates[1:], ocsp=draft.ocsp)


def _details(certificates: Certificates, name: str, pair: KeyPair | None) -> str:
    from fastlb.control.tls.describe import pair_lines, response_key

    if pair is None:
        return "Status: Empty\nOCSP Response Key: \n"
    status = "Used" if certificates.uses(_PAIR, name) else "Unused"
    lines = [f"Status: {status}", *pair_lines(pair), f"OCSP Response Key: {response_key(pair.ocsp) if pair.ocsp else ''}"]
    return "".join(f"{line}\n" for line in lines)


async def _reload(request: Request) -> str:
    """fastlb's own: all files of certificates, authorities, revocation lists, ticket keys and crt-lists, all or nothing.

    The master reads them: only it has the rights that the program was started with.
    """
    control = request.control
    try:
        read = await control.master.read_certificates()
        count = await control.certificates.read_again(read)
    except ValueFault as fault:
        raise Refused(f"{fault.message}\nNothing was changed.\n") from None
    except (TimeoutError, ConnectionError):
        raise Refused("The master does not answer.\nNothing was changed.\n") from None
    told = "".join(f"{remark}\n" for remark in read["remarks"])
    return f"{told}{count} change{'' if count == 1 else 's'}.\nSuccess!\n"


COMMANDS = (
    Command(("reload", "certs"), _reload, "read all files of certificates again", "", Level.ADMIN),
    Command(("abort", "ssl", "cert"), _abort, "abort a change of a certificate", "<certfile>", Level.ADMIN),
    Command(("commit", "ssl", "cert"), _commit, "use what was set of a certificate", "<certfile>", Level.ADMIN),
    Command(("del", "ssl", "cert"), _del, "delete a certificate that nothing uses", "<certfile>", Level.ADMIN),
    Command(("new", "ssl", "cert"), _new, "make room for a new certificate", "<certfile>", Level.ADMIN),
    Command(("set", "ssl", "cert"), _set, "collect a certificate's new parts", "<certfile> <payload>", Level.ADMIN),
    Command(("show", "ssl", "cert"), _show, "the certificates, or one in full", "[<certfile>]", Level.OPERATOR),
)
