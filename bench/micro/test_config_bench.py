"""Reading a configuration of 10,000 lines: lexer, sections, keyword tables, resolution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastlb.config import load

LINES, SERVERS = 10_000, 14


def _configuration() -> str:
    lines = ["global", "    maxconn 1000", "defaults", "    mode http", "    timeout connect 5s", "    timeout client 30s"]
    lines += ["    timeout server 30s", "frontend www", "    bind 127.0.0.1:8080", "    default_backend pool0"]
    b = 0
    while len(lines) + SERVERS + 6 <= LINES:
        lines += ["", f"backend pool{b}   # one of many", "    balance leastconn", "    option httpchk GET /health"]
        lines += ["    timeout server 1m", '    option forwardfor header "X-Client"']
        lines += [
            f"    server s{s} 10.{b // 250}.{b % 250}.{s}:80 check inter 2s weight {s + 1} maxconn 100" for s in range(SERVERS)
        ]
        b += 1
    lines += ["# end"] * (LINES - len(lines))
    return "\n".join(lines) + "\n"


def test_configuration_of_10000_lines(benchmark: Any, tmp_path: Path) -> None:
    path = tmp_path / "haproxy.cfg"
    path.write_text(_configuration())
    configuration, diagnostics = benchmark.pedantic(load, args=([str(path)],), rounds=5, warmup_rounds=1)
    assert configuration is not None, diagnostics.render()
