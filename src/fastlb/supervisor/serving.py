"""The name of the master process while it serves: keepalived's track_process watches for it.

A process has the name of its program from the moment it starts, long before it listens, and `fastlb ha check` is another process
of that name. So the master takes a name that no other process has when its workers accept, and gives it back when they stop.
"""

from __future__ import annotations

import os

from fastlb.supervisor import kernel

_SERVING_NAME = "fastlb-serving"
_PLAIN_NAME = "fastlb"
_VARIABLE = "FASTLB_SERVING_NAME"  # for two proxies that one keepalived can see: on one host, or in its containers


def serving_name() -> str:
    """The name that a proxy with this environment takes."""
    return os.environ.get(_VARIABLE) or _SERVING_NAME


def take_name() -> None:
    kernel.set_name(serving_name())


def give_name_back() -> None:
    """Also in every child: it inherits the master's name."""
    kernel.set_name(_PLAIN_NAME)
