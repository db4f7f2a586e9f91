"""Writes observed.json: what Debian's haproxy chooses, step by step, for servers and changes drawn from fixed seeds.

Run by hand (`python -m unit.lb.record` in tests/); test_observed.py replays the file through fastlb's algorithms.
Knows haproxy and plain sockets only, nothing of fastlb. One TCP origin per server says which one it is and holds the
connection until the client closes it, so that a held connection is a taken slot.
"""

from __future__ import annotations

import json
import random
import selectors
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

STEPS = 110
WEIGHTS = (1, 1, 2, 3, 5, 10, 17, 64, 100, 256)
# algorithm -> scenarios; a scenario is a set of what may happen besides opening connections, and how the servers look
SCENARIOS = {
    "roundrobin": ("", "close maxconn", "weight", "down", "close drain weight", "close maxconn down weight setmaxconn",
                   "backup down weight", "backup down allbackups"),
    "static-rr": ("", "close maxconn", "down", "backup down allbackups"),
    "leastconn": ("equal close", "close", "close weight down", "close maxconn setmaxconn", "close backup down allbackups"),
    "first": ("close maxconn", "close maxconn ids down", "close maxconn backup down allbackups"),
    "source": ("", "down close", "backup down allbackups"),
}


class Origins:
    """A listening socket per server in one thread; each connection is told its server's number."""

    def __init__(self, n: int) -> None:
        self._selector = selectors.DefaultSelector()
        self.ports = []
        for number in range(n):
            listener = socket.create_server(("127.0.0.1", 0), backlog=512)
            self.ports.append(listener.getsockname()[1])
            self._selector.register(listener, selectors.EVENT_READ, number)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                peer = key.fileobj
                assert isinstance(peer, socket.socket)
                if key.data is not None:
                    conn, _ = peer.accept()
                    conn.sendall(b"%d" % key.data)
                    self._selector.register(conn, selectors.EVENT_READ, None)
                elif not peer.recv(100):
                    self._selector.unregister(peer)
                    peer.close()


class Haproxy:
    """haproxy in TCP mode with one backend; `chosen` of every connection opened through it."""

    def __init__(self, algorithm: str, servers: list[dict[str, int]], options: str) -> None:
        self._dir = tempfile.TemporaryDirectory()
        self._socket = f"{self._dir.name}/sock"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        origins = Origins(len(servers))
        lines = [
            f"  server s{i} 127.0.0.1:{origins.ports[i]} " + " ".join(
                name if name == "backup" else f"{name} {value}" for name, value in server.items())
            for i, server in enumerate(servers)
        ]
        config = Path(self._dir.name, "cfg")
        config.write_text(
            f"global\n  nbthread 1\n  stats socket {self._socket} level admin\n"
            "defaults\n  mode tcp\n  timeout client 60s\n  timeout server 60s\n  timeout connect 5s\n"
            f"frontend f\n  bind 127.0.0.1:{self.port}\n  default_backend b\n"
            f"backend b\n  balance {algorithm}\n{options}" + "\n".join(lines) + "\n"
        )
        self._process = subprocess.Popen(["haproxy", "-f", str(config), "-db"], stderr=subprocess.DEVNULL)
        self._until(lambda: Path(self._socket).exists() and self.command("show info"))
        self.held: list[tuple[socket.socket, int]] = []

    @staticmethod
    def _until(condition: Any) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.001)

    def command(self, line: str) -> str:
        with socket.socket(socket.AF_UNIX) as conn:
            conn.connect(self._socket)
            conn.sendall(line.encode() + b"\n")
            return b"".join(iter(lambda: conn.recv(65536), b"")).decode()

    def _n_sessions(self, index: int) -> int:
        rows = [line.split(",") for line in self.command("show stat b 4 -1").splitlines()]
        return next(int(row[4]) for row in rows if row[:2] == ["b", f"s{index}"])

    def open(self, source: str) -> int:
        conn = socket.create_connection(("127.0.0.1", self.port), timeout=5, source_address=(source or "127.0.0.1", 0))
        self.held.append((conn, int(conn.recv(10))))
        return self.held[-1][1]

    def close(self, which: int) -> None:
        conn, index = self.held.pop(which)
        before = self._n_sessions(index)
        conn.close()
        self._until(lambda: self._n_sessions(index) < before)

    def stop(self) -> None:
        for conn, _ in self.held:
            conn.close()
        self._process.kill()
        self._process.wait()
        self._dir.cleanup()


def draw_servers(rng: random.Random, words: list[str]) -> list[dict[str, int]]:
    """Two to five servers."""
    n = rng.randrange(2, 6)
    servers: list[dict[str, int]] = [{"weight": 1 if "equal" in words else rng.choice(WEIGHTS)} for _ in range(n)]
    for position, server in enumerate(servers):
        if "maxconn" in words:
            server["maxconn"] = rng.randrange(1, 6)
        if "backup" in words and position and rng.random() < 0.6:
            server["backup"] = 1
    if "ids" in words:
        for server, number in zip(servers, rng.sample(range(1, 50), len(servers)), strict=True):
            server["id"] = number
    return servers


def draw_step(rng: random.Random, words: list[str], n_servers: int, has_address: bool) -> list[Any]:
    """One step; whether it is possible is the recorder's question. Without an address a client comes from 127.0.0.1."""
    odds = {"open": 10.0, "close": 9.0, "weight": 1.0, "down": 0.6, "drain": 0.6, "setmaxconn": 1.0}
    kinds = ["open", *(word for word in words if word in odds)]
    kind = rng.choices(kinds, [odds[kind] for kind in kinds])[0]
    if kind in ("down", "drain") and rng.random() < 0.6:
        kind = "ready"
    if kind == "open":
        return ["open", "" if not has_address else f"127.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"]
    if kind == "close":
        return ["close", rng.randrange(1000)]
    values = {"weight": rng.choice((0, *WEIGHTS)), "setmaxconn": rng.randrange(1, 6)}
    return [kind, rng.randrange(n_servers), values.get(kind, 0)]


class Recorder:
    """Plays steps on a haproxy, leaving out those that would queue a connection or change nothing."""

    def __init__(self, algorithm: str, words: list[str], seed: int) -> None:
        self.rng = random.Random(f"{algorithm} {words} {seed}")
        self.algorithm = algorithm
        self.words = words
        self.servers = draw_servers(self.rng, words)
        self.live = [dict(server) for server in self.servers]
        self.off: set[int] = set()
        self.haproxy = Haproxy(algorithm, self.servers, "  option allbackups\n" if "allbackups" in words else "")

    def _has_room(self) -> bool:
        usable = [i for i, server in enumerate(self.live) if i not in self.off and server["weight"]]
        active = [i for i in usable if not self.live[i].get("backup")]
        in_use = active or (usable if "allbackups" in self.words else usable[:1])
        n_held = [sum(index == i for _, index in self.haproxy.held) for i in range(len(self.live))]
        return any(n_held[i] < self.live[i].get("maxconn", 1000) for i in in_use)

    def _play(self, kind: str, which: Any, value: int) -> Any:
        """What was chosen for an open, True for another step carried out, None for one left out."""
        if kind == "open":
            return self.haproxy.open(which) if self._has_room() else None
        if kind == "close":
            return self.haproxy.close(which) or True if which < len(self.haproxy.held) else None
        if kind in ("down", "drain"):
            if which in self.off:
                return None
            self.off.add(which)
            self.haproxy.command(f"set server b/s{which} state {'maint' if kind == 'down' else 'drain'}")
        elif kind == "ready":
            if which not in self.off:
                return None
            self.off.discard(which)
            self.haproxy.command(f"set server b/s{which} state ready")
        elif kind == "weight":
            if self.live[which]["weight"] == value:
                return None
            self.live[which]["weight"] = value
            self.haproxy.command(f"set server b/s{which} weight {value}")
        else:
            self.live[which]["maxconn"] = value
            self.haproxy.command(f"set maxconn server b/s{which} {value}")
        return True

    def record(self) -> dict[str, Any]:
        steps = []
        for _ in range(STEPS):
            kind, which, *value = draw_step(self.rng, self.words, len(self.servers), self.algorithm == "source")
            if kind == "close" and self.haproxy.held:
                which %= len(self.haproxy.held)
            outcome = self._play(kind, which, value[0] if value else 0)
            if outcome is not None:
                steps.append([kind, which, outcome if kind == "open" else value[0] if value else 0])
        self.haproxy.stop()
        return {"algorithm": self.algorithm, "scenario": " ".join(self.words), "servers": self.servers, "steps": steps}


def main() -> None:
    cases = [
        Recorder(algorithm, scenario.split(), seed).record()
        for algorithm, scenarios in SCENARIOS.items() for scenario in scenarios for seed in range(3)
    ]
    text = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    Path(__file__).with_name("observed.json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
