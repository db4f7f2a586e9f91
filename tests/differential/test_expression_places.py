"""What is wrong inside an expression is found wherever the expression stands: names that stand for nothing, regular expressions.

Each place holds each mistake in a configuration of its own; haproxy's message and fastlb's are the same.
"""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.proxy import HTTP, command_of

FAULTS = (
    'str(a),regsub("(",x)',
    "be_conn(nowhere)",
    "src,table_gpc0(nowhere)",
    "srv_conn(b/nowhere)",
)
FRONTEND = (
    "log-format %[{}]",
    "error-log-format %[{}]",
    "log-format-sd %[{}]",
    "unique-id-format %[{}]",
    "http-request set-header x %[{}]",
    "http-request set-var(txn.v) {}",
    "http-request return status 200 content-type a/b lf-string %[{}]",
    "http-request return status 200 content-type a/b string a hdr x %[{}]",
    "http-request redirect location %[{}]",
    "redirect location %[{}]",
    "http-request deny if {{ {} 1 }}",
    "acl named {} 1",
    "use_backend %[{}] if TRUE",
    "http-response set-header x %[{}]",
    "tcp-request content set-var(txn.v) {}",
)
# haproxy: 2.6 does not look into what a `redirect` line says, and shows an empty text for it.
UNSEEN = "redirect location %[{}]"
MESSAGE = re.compile(r"(error in regex|unable to find) .*(?= ?\.$|\.$)", re.MULTILINE)


def configuration(line: str, fault: str) -> str:
    head = f"{HTTP}frontend f\n    bind 127.0.0.1:1\n    log 127.0.0.1:1 local0\n    {line.format(fault)}\n"
    return f"{head}backend b\n    server s 127.0.0.1:1\n"


def messages(program: str, path: Path) -> list[str]:
    done = subprocess.run([*command_of(program), "-c", "-f", str(path)], capture_output=True, text=True, check=False)
    return [found[0] for found in MESSAGE.finditer(done.stderr)]


@pytest.mark.parametrize("fault", FAULTS)
def test_mistake_is_reported_as_haproxy_reports_it(fault: str, tmp_path: Path) -> None:
    paths = []
    for number, line in enumerate(FRONTEND):
        paths.append(tmp_path / f"{number}.cfg")
        paths[-1].write_text(configuration(line, fault))
    with ThreadPoolExecutor(2) as pool:
        pairs = list(pool.map(lambda path: (messages("haproxy", path), messages("fastlb", path)), paths))
    different = [
        f"{line}: haproxy {them}, fastlb {us}"
        for line, (them, us) in zip(FRONTEND, pairs, strict=True)
        if (us == [] if line == UNSEEN else them != us)
    ]
    assert not different, "\n".join(different)
