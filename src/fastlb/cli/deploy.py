"""`fastlb deploy` and `fastlb ha init`: the files around the proxy, shown, written, explained.

Knows flags, what is printed and the exit statuses. Must not know the files: deploy/ has them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from fastlb.deploy import parts as deploy_parts
from fastlb.deploy.parts import Part
from fastlb.deploy.settings import Pair, Settings, SettingsError, log_owner
from fastlb.deploy.write import Host, Verdict
from fastlb.supervisor.serving import serving_name

_KEPT_STATUS = 3
_CONFIG, _SOCKET = (Settings.__dataclass_fields__[name].default for name in ("config", "socket"))
_EPILOG = """\
Only files are written, unless --apply-services is given: then the commands that are shown otherwise are run as well.
Files that you changed, and files that were there before, are never touched without --force.

exit status: 0 well, 1 something went wrong, 2 the command line is wrong, 3 files were kept because you changed them
"""
_HA_EPILOG = """\
With VRRP version 3 the adverts go every 100 ms: the other host takes over within 20 ms after a proxy or keepalived that ends, and
after about 0.3 s where a host, a cable or a switch fails. Version 3 has no passwords; --auth-file goes back to version 2, whose
adverts go every second: 3 to 4 s then. Both hosts need the same --vip and --router-id, and another pair in the network a
different --router-id.
"""


def run(words: list[str]) -> int:
    """`fastlb deploy` with its own words; returns the exit status."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "fastlb deploy", description="Writes and explains the files around the proxy.", epilog=_EPILOG, formatter_class=raw
    )
    _add_common(parser)
    known = ", ".join(deploy_parts.names())
    parser.add_argument("--only", default="", metavar="NAME,..", help=f"only these parts: {known}")
    add = parser.add_argument
    add("--server", action="append", default=[], metavar="ADDRESS:PORT", help="a server of the first configuration")
    pair = parser.add_argument_group("a second proxy, for the keepalived part (`fastlb ha init` explains it)")
    _add_pair(pair, is_required=False)
    options = parser.parse_args(words)
    wanted = [name for name in options.only.split(",") if name]
    unknown = [name for name in wanted if name not in deploy_parts.names()]
    if unknown:
        parser.error(f"there is no part '{unknown[0]}': {known}")
    if "keepalived" in wanted and not options.vip:
        parser.error("the keepalived part needs --vip, --interface, --peer and --role")
    try:
        settings = _settings(options, _pair(options) if options.vip else None)
        chosen = [part for part in deploy_parts.parts(settings) if not wanted or part.name in wanted]
    except (SettingsError, OSError) as error:
        parser.error(str(error))
    return _deploy(options, chosen, "deploy")


def run_init(words: list[str]) -> int:
    """`fastlb ha init` with its own words; returns the exit status."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "fastlb ha init", description="Writes keepalived.conf for one of two proxies.", epilog=_HA_EPILOG, formatter_class=raw
    )
    _add_pair(parser, is_required=True)
    _add_common(parser)
    options = parser.parse_args(words)
    try:
        pair = _pair(options)
        part = deploy_parts.keepalived(_settings(options, pair), pair)
    except (SettingsError, OSError) as error:
        parser.error(str(error))
    status = _deploy(options, [part], "ha init")
    if status == 0:
        _explain_pair(pair)
    return status


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="show what would change, as a diff, and change nothing")
    parser.add_argument("--force", action="store_true", help="replace files that you changed; a copy with .bak stays")
    parser.add_argument("--root", default="/", metavar="DIR", help="write below this directory (default: /)")
    parser.add_argument("--apply-services", action="store_true", help="also run the commands that put the files into force")
    parser.add_argument("--program", default="", metavar="PATH", help="how fastlb is started (default: as it was now)")
    parser.add_argument("--config", default=_CONFIG, help="its file (default: %(default)s)")
    parser.add_argument("--socket", default=_SOCKET, help="its runtime socket (default: %(default)s)")


def _add_pair(parser: argparse._ActionsContainer, *, is_required: bool) -> None:
    add = parser.add_argument
    add("--vip", action="append", default=[], required=is_required, metavar="ADDR/LEN", help="what is shared; may be repeated")
    add("--interface", default="", required=is_required, help="where it lives: eth0")
    add("--peer", default="", required=is_required, help="the other proxy's own address")
    add("--role", choices=("master", "backup"), default="", required=is_required, help="who has the address when both are well")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--multicast", action="store_true", help="adverts go to 224.0.0.18 (default)")
    way.add_argument("--unicast", action="store_true", help="adverts go to the peer only: for clouds, which drop multicast")
    add("--router-id", type=int, default=51, metavar="N", help="the pair's number, 1 to 255, the same on both (default: 51)")
    add("--priority", type=int, default=0, help="1 to 254 (default: 254 for the master, 253 for the backup)")
    add("--auth-file", default="", metavar="FILE", help="a password of at most 8 characters is in it; slower, see below")
    add("--backend", action="append", default=[], metavar="NAME", help="give the address away while this backend has no server")
    add("--process", default=serving_name(), metavar="NAME", help="the proxy's $FASTLB_SERVING_NAME (default: %(default)s)")
    add("--node", default=socket.gethostname(), help="this host's name for keepalived (default: %(default)s)")


def _pair(options: argparse.Namespace) -> Pair:
    password = Path(options.auth_file).read_text(errors="replace").strip() if options.auth_file else ""
    if options.auth_file and not password:
        raise SettingsError(f"{options.auth_file} holds no password")
    return Pair(
        vips=tuple(options.vip),
        interface=options.interface,
        peer=options.peer,
        role=options.role,
        node=options.node,
        router_id=options.router_id,
        priority=options.priority,
        unicast=options.unicast,
        password=password,
        process=options.process,
        backends=tuple(options.backend),
    )


def _settings(options: argparse.Namespace, pair: Pair | None) -> Settings:
    return Settings(
        program=options.program or _own_program(),
        config=options.config,
        socket=options.socket,
        log_owner=log_owner(Path(options.root)),
        servers=tuple(getattr(options, "server", ())),
        pair=pair,
    )


def _own_program() -> str:
    """The words that started this process, absolute: the installed script, or the interpreter with the module."""
    script = Path(sys.argv[0])
    if script.name == "fastlb":
        found = shutil.which(str(script))
        return os.path.abspath(found) if found else str(script.absolute())
    return f"{sys.executable} -m fastlb"


def _deploy(options: argparse.Namespace, chosen: list[Part], job: str) -> int:
    if options.apply_services and (options.dry_run or Path(options.root).resolve() != Path("/")):
        sys.stderr.write(f"fastlb {job}: --apply-services is for this host: neither --dry-run nor --root goes with it\n")
        return 2
    host = Host(Path(options.root), options.force)
    try:
        kept = [path for part in chosen for path in _do_part(host, part, is_dry=options.dry_run)]
    except OSError as error:
        advice = " Run it as root, or with --root DIR." if isinstance(error, PermissionError) else ""
        sys.stderr.write(f"fastlb {job}: {error.filename}: {error.strerror}.{advice}\n")
        return 1
    for path in kept:
        sys.stderr.write(f"fastlb {job}: {path} is not as it would be written: see --dry-run --force, then decide\n")
    if options.apply_services:
        return _apply(chosen, job) or (_KEPT_STATUS if kept else 0)
    if not options.dry_run:
        _advise(chosen)
    return _KEPT_STATUS if kept else 0


def _do_part(host: Host, part: Part, *, is_dry: bool) -> list[str]:
    """Shows or writes one part; returns the files that were kept."""
    verdicts = {file.path: host.judge(file) for file in part.files}
    missing = host.missing(part)
    print(f"{part.name}: {part.why}")
    for path in missing:
        print(f"    {path}/ (new)")
    for file in part.files:
        verdict = verdicts[file.path]
        if verdict is not Verdict.SAME:
            print(f"    {file.path} ({verdict.value})")
        if is_dry and verdict is not Verdict.KEPT:
            sys.stdout.write(host.diff(file))
    if not missing and all(verdict is Verdict.SAME for verdict in verdicts.values()):
        print("    nothing to change")
    if not is_dry:
        host.write(part)
    return [path for path, verdict in verdicts.items() if verdict is Verdict.KEPT]


def _advise(chosen: list[Part]) -> None:
    commands = [(part.name, line) for part in chosen for line in part.commands]
    by_hand = [(part.name, line) for part in chosen for line in part.by_hand]
    if commands:
        print("\nThe running system is untouched. To put the files into force (or: --apply-services):\n")
        print("\n".join(f"    {line}" for _, line in commands))
    _advise_by_hand(by_hand)


def _advise_by_hand(lines: list[tuple[str, str]]) -> None:
    for name in dict.fromkeys(name for name, _ in lines):
        print(f"\nOnce, if this host uses {name}:\n")
        print("\n".join(f"    {line}" for other, line in lines if other == name))


def _apply(chosen: list[Part], job: str) -> int:
    """Runs the parts' commands in order; stops at the first that fails."""
    for part in chosen:
        for line in part.commands:
            print(f"+ {line}", flush=True)
            status = subprocess.run(["/bin/sh", "-c", line], check=False).returncode
            if status:
                sys.stderr.write(f"fastlb {job}: {part.name}: this command ended with {status}: {line}\n")
                return 1
    _advise_by_hand([(part.name, line) for part in chosen for line in part.by_hand])
    return 0


def _explain_pair(pair: Pair) -> None:
    other = "backup" if pair.role == "master" else "master"
    way = f"to {pair.peer} alone" if pair.unicast else "to 224.0.0.18 (VRRP, protocol 112: let it through the firewall)"
    beat = "every second, with a password (VRRP version 2)" if pair.password else "every 100 ms (VRRP version 3)"
    print(f"""
How it works: keepalived sends adverts {way}, {beat}.
    the proxy dies            the kernel tells keepalived ('{pair.process}' is gone): the other one takes over at once
    the proxy hangs           `fastlb ha check` asks it all the time: within about half a second
    keepalived ends           it says so: at once
    the host or cable dies    {"3 to 4 s" if pair.password else "about 0.3 s"} without adverts
    it is well again          the master takes the address back a second later, and no request is lost
Priority {pair.own_priority} here. The two must differ by one: the larger the gap, the longer the wait.

Next: run `fastlb ha init` on {pair.peer} with --role {other}, --peer this host's address and the same --vip and --router-id;
then `fastlb ha status` says who holds the address, and `fastlb ha drill` tries a failover with you.""")
