"""Giving up what a child does not need: chroot, groups, group, user, and the way back.

Knows the order in which that must happen and what to say when it is refused. Runs in the children; the master keeps its
rights, because it binds ports again at a reload.
"""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass

from fastlb.config.model import Configuration, Global
from fastlb.supervisor import kernel

FOREIGN_ADDRESSES = frozenset(("cap_net_admin", "cap_net_raw"))  # either lets a socket be transparent


class PrivilegeError(Exception):
    """The system refuses; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the children run as: None keeps what the master has. chroot: "" for none.

    capabilities: that they keep when they change their user. allows_setuid: programs that they run may gain rights.
    """

    uid: int | None = None
    gid: int | None = None
    chroot: str = ""
    capabilities: tuple[str, ...] = ()
    allows_setuid: bool = False


def identity_of(settings: Global) -> Identity:
    """The identity that `user`, `uid`, `group`, `gid` and `chroot` of the global section ask for.

    Raises PrivilegeError where a name is unknown or this process may not become it: said before anything is bound.
    """
    uid, gid = settings.uid, settings.gid
    try:
        if uid is None and settings.user:
            uid = pwd.getpwnam(settings.user).pw_uid
    except KeyError:
        raise PrivilegeError(f"cannot find user id for '{settings.user}'") from None
    try:
        if gid is None and settings.group:
            gid = grp.getgrnam(settings.group).gr_gid
    except KeyError:
        raise PrivilegeError(f"cannot find group id for '{settings.group}'") from None
    identity = Identity(uid, gid, settings.chroot, settings.capabilities, settings.insecure_setuid_wanted)
    _check(identity)
    return identity


def shows_foreign_addresses(configuration: Configuration) -> bool:
    """A server is to see an address that this host does not have (`usesrc`), which the system lets nobody do by default."""
    sources = [px.source for px in configuration.proxies]
    sources += [srv.source for px in configuration.proxies for srv in px.servers]
    return any(source is not None and source.usesrc for source in sources)


def _check(identity: Identity) -> None:
    if identity.chroot and not os.path.isdir(identity.chroot):
        raise PrivilegeError(f"Cannot chroot({identity.chroot}): not a directory.")
    if os.geteuid() == 0:
        return
    advice = " Start as root, or remove the line."
    if identity.chroot:
        raise PrivilegeError(f"Cannot chroot({identity.chroot}).{advice}")
    if identity.gid not in (None, os.getegid()):
        raise PrivilegeError(f"Cannot set gid {identity.gid}.{advice}")
    if identity.uid not in (None, os.geteuid()):
        raise PrivilegeError(f"Cannot set uid {identity.uid}.{advice}")


def drop(identity: Identity) -> None:
    """Becomes `identity` for good; raises PrivilegeError. Everything that needs files or rights must be open by now."""
    try:
        if identity.chroot:
            os.chroot(identity.chroot)
            os.chdir("/")
        if identity.gid is not None and os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(identity.gid, identity.gid, identity.gid)
        if identity.uid is not None and identity.uid != os.geteuid():
            if identity.gid is None:
                os.setgroups([])
            if identity.capabilities:
                kernel.keep_capabilities()
            os.setresuid(identity.uid, identity.uid, identity.uid)
            if identity.capabilities:
                kernel.limit_capabilities(identity.capabilities)
        if not identity.allows_setuid:
            kernel.forbid_new_privileges()
        kernel.allow_core_dumps()
    except OSError as error:
        raise PrivilegeError(f"Cannot drop privileges to uid {identity.uid}, gid {identity.gid}: {error.strerror}.") from error
