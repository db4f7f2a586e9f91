"""`show health`: whether this program serves, in lines for `fastlb ha check`.

fastlb's own command, no word of haproxy's. It asks every worker, so that one that hangs is seen. One line each, three words:

    worker <number> up|silent      it answered between two turns of its loop, or not in time
    frontend <name> open|paused|stopped
    backend <name> <n>             servers that traffic goes to
"""

from __future__ import annotations

import asyncio

from fastlb.control import ports
from fastlb.control.messages import MessageError
from fastlb.control.runtime.command import Command, Request

_PATIENCE_S = 0.25
_STATES = {ports.FRONTEND_RUN: "open", ports.FRONTEND_PAUSED: "paused", ports.FRONTEND_STOPPED: "stopped"}


async def _show_health(request: Request) -> str:
    control = request.control
    answers = await asyncio.gather(*(_worker(request, index) for index in range(control.program.n_workers)))
    lines = [f"worker {index} {answer}\n" for index, answer in enumerate(answers)]
    proxies = [proxy for proxy in control.directory.proxies if not proxy.config.disabled]
    for proxy in proxies:
        if proxy.is_frontend and proxy.listeners:
            lines.append(f"frontend {proxy.name} {_STATES.get(control.snapshot.proxy_state(proxy.index).fe_state, 'stopped')}\n")
    for proxy in proxies:
        if proxy.is_backend and proxy.servers:
            state = control.snapshot.proxy_state(proxy.index)
            lines.append(f"backend {proxy.name} {state.n_active + state.n_backup}\n")
    return "".join(lines)


async def _worker(request: Request, index: int) -> str:
    try:
        await request.control.messages.request(index, "ping", timeout_s=_PATIENCE_S)
    except MessageError:
        return "silent"
    return "up"


COMMANDS = (Command(("show", "health"), _show_health, "workers, frontends and backends, for fastlb ha check"),)
