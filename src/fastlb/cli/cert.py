"""`fastlb cert`: certificates for the proxy, made, joined, shown and checked.

Knows the sub-commands, their words and exit statuses. What they do is in cert_make.py and cert_show.py, which are imported when
they are asked for. Must not know the configuration.
"""

from __future__ import annotations

import argparse
import sys

_EXAMPLES = """\
examples:
  fastlb cert self-signed www.example.com           a certificate and its key in www.example.com.pem, for trying
  fastlb cert csr www.example.com example.com       a key and a request for a certificate authority
  fastlb cert bundle answer.crt www.example.com.key the authority's answer and the key as one file for `crt`
  fastlb cert show /etc/fastlb/site.pem             who it is for, who issued it, how long it lasts
  fastlb cert check --days 14 /etc/fastlb/*.pem     for cron: is each usable, and for how long

exit status: 0 well, 1 something is wrong, 2 the command line is, 3 `check` only: a certificate ends within --days
"""


def run(words: list[str]) -> int:
    """Does what `words` (behind `fastlb cert`) ask for; returns the exit status."""
    options = _parser().parse_args(words)
    if options.command in ("show", "check"):
        from fastlb.cli import cert_show

        return cert_show.show(options.files) if options.command == "show" else cert_show.check(options.files, options.days)
    from fastlb.cli import cert_make

    makers = {"self-signed": cert_make.self_signed, "csr": cert_make.request, "bundle": cert_make.bundle}
    try:
        makers[options.command](options)
    except cert_make.CertError as error:
        sys.stderr.write(f"fastlb cert {options.command}: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "fastlb cert", description="Certificates for the proxy.", epilog=_EXAMPLES, formatter_class=raw
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="self-signed | csr | bundle | show | check")
    one = _command(commands, "self-signed", "a certificate that no authority has signed, with its key, in one file")
    _add_names(one)
    one.add_argument("--days", type=_days, default=365, help="how long it lasts (default: 365)")
    _add_output(one, "the file (default: NAME.pem)")
    two = _command(commands, "csr", "a private key, and a request for a certificate authority")
    _add_names(two)
    two.add_argument("--subject", default="", help='more of the subject: "O=Example Ltd,L=Berlin,C=DE"')
    two.add_argument("--key-file", default="", help="use the private key in this file instead of a new one")
    _add_output(two, "the request (default: NAME.csr; a new key goes to the same name with .key)")
    three = _command(commands, "bundle", "certificate, chain and private key from several files, in order, as one file for `crt`")
    three.add_argument("files", nargs="+", metavar="FILE", help="PEM files that hold them, in any order")
    _add_output(three, "the file (default: the certificate's first name with .pem)")
    four = _command(commands, "show", "what is in files of certificates, or of authorities")
    four.add_argument("files", nargs="+", metavar="FILE", help="PEM files or directories of them")
    five = _command(commands, "check", "whether `crt` takes the files, and how long their certificates last")
    five.add_argument("files", nargs="+", metavar="FILE", help="PEM files or directories of them, as `crt` takes them")
    five.add_argument("--days", type=_days, default=30, help="status 3 if one ends within so many days (default: 30)")
    return parser


def _command(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")


def _add_names(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="NAME", help="host names, *.wildcards or IP addresses that it is for")
    parser.add_argument("--key", choices=("ecdsa", "rsa"), default="ecdsa", help="kind of the new key (default: ecdsa, P-256)")
    parser.add_argument("--bits", type=int, choices=(2048, 3072, 4096), default=2048, help="of an RSA key (default: 2048)")


def _add_output(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("-o", "--output", default="", metavar="FILE", help=what)
    parser.add_argument("--force", action="store_true", help="replace files that exist")


def _days(word: str) -> int:
    if not word.isascii() or not word.isdecimal() or not 1 <= int(word[:9]) <= 36500:
        raise argparse.ArgumentTypeError(f"'{word}' is no number of days between 1 and 36500")
    return int(word)
