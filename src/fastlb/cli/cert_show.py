"""Shows certificates to people and checks them for scripts: `fastlb cert show` and `check`.

Knows how to lay a certificate out with `rich`. What can be loaded, and what is questionable, is decided where the configuration
loads it (config/tls_files.py).
"""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fastlb.config import tls_pem
from fastlb.config.diagnostics import printable
from fastlb.config.tls_files import TlsFiles
from fastlb.config.tls_model import GlobalTls
from fastlb.config.tls_pem import Remark, TlsFault

OK, WRONG, SOON = 0, 1, 3


def show(files: Sequence[str]) -> int:
    """Prints every certificate of the files; 1 if there is a file without any."""
    console, status = Console(highlight=False), OK
    for path in _expanded(files):
        try:
            raw = tls_pem.read(path)
            found = tls_pem.certificates(raw)
        except (OSError, ValueError) as error:
            status = _complain(path, tls_pem.reason(error)[:200])
            continue
        if not found:
            status = _complain(path, "it holds no certificate")
        for number, certificate in enumerate(found):
            console.print(_table(path, number, len(found), certificate, raw))
    return status


def _complain(path: str, why: str) -> int:
    sys.stderr.write(f"{printable(path)}: {printable(why)}\n")
    return WRONG


def _expanded(files: Sequence[str]) -> list[str]:
    """Directories as the files in them, hidden ones left out."""
    found: list[str] = []
    for path in files:
        if os.path.isdir(path):
            names = sorted(name for name in os.listdir(path) if not name.startswith("."))
            found += [full for name in names if os.path.isfile(full := f"{path}/{name}")]
        else:
            found.append(path)
    return found


def _table(path: str, number: int, count: int, certificate: x509.Certificate, raw: bytes) -> Table:
    place = f" ({number + 1} of {count})" if count > 1 else ""
    table = Table(title=Text(printable(path) + place, style="bold"), title_justify="left", show_header=False, box=None)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    rows = {
        "subject": certificate.subject.rfc4514_string() or "-",
        "names": " ".join(_names(certificate)) or "-",
        "issuer": "itself" if certificate.issuer == certificate.subject else certificate.issuer.rfc4514_string(),
        "valid": f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} to {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC",
        "key": _key(certificate),
        "serial": f"{certificate.serial_number:X}",
        "SHA-256": certificate.fingerprint(hashes.SHA256()).hex(":").upper(),
    }
    if number == 0:
        rows["private key"] = _private(path, raw)
    for name, value in rows.items():
        table.add_row(name, Text(printable(value)))
    table.add_row("", _left(certificate))
    return table


def _names(certificate: x509.Certificate) -> list[str]:
    found = list(tls_pem.names(certificate))
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return found
    return found + [str(address) for address in alternative.get_values_for_type(x509.IPAddress)]


def _key(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA, {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECDSA, {key.curve.name}"
    return type(key).__name__.lstrip("_").removesuffix("PublicKey")


def _private(path: str, raw: bytes) -> str:
    try:
        key = tls_pem.private_key(raw, path)
        if key is None:
            return "not in this file"
        tls_pem.key_pair(path, raw, key, path)
    except TlsFault as fault:
        return fault.message
    return "in this file, belongs to the first certificate"


def _left(certificate: x509.Certificate) -> Text:
    left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    if left.total_seconds() < 0:
        return Text(f"expired {-left.days} days ago", style="bold red")
    return Text(f"{left.days} days left", style="yellow" if left.days < tls_pem.SOON_DAYS else "green")


def check(files: Sequence[str], days: int) -> int:
    """Prints a line for each file that `crt` would load; 1 if one is unusable or refused by clients, 3 if one ends soon."""
    console = Console(highlight=False, soft_wrap=True)
    worst = OK
    for path in files:
        worst = _worse(worst, _check_file(console, path, days))
    return worst


def _worse(one: int, other: int) -> int:
    return max(one, other, key=(OK, SOON, WRONG).index)


def _check_file(console: Console, path: str, days: int) -> int:
    remarks: list[Remark] = []
    try:
        pairs = TlsFiles(GlobalTls()).load(path, remarks.append)
    except TlsFault as fault:
        _line(console, "bad", "red", f"{path}: {fault.message}" + (f" ({fault.hint})" if fault.hint else ""))
        return WRONG
    if not pairs:
        _line(console, "bad", "red", f"{path}: there is no certificate in this directory")
        return WRONG
    status = OK
    for remark in remarks:
        if remark.is_urgent:
            status = WRONG
            _line(console, "bad", "red", remark.text)
    now = datetime.datetime.now(datetime.UTC).timestamp()
    for pair in pairs:
        left = int((pair.not_after - now) // 86400)
        if left < 0:
            continue  # said above
        is_soon = left < days
        status = _worse(status, SOON if is_soon else OK)
        text = f"{pair.name}: {' '.join(pair.names) or 'no names'}, {pair.key_type}, {left} days left"
        _line(console, "soon" if is_soon else "ok", "yellow" if is_soon else "green", text)
    return status


def _line(console: Console, word: str, style: str, text: str) -> None:
    console.print(Text.assemble((f"{word:<5}", style), printable(text)))
