"""docs/operations/walkthrough.md, command by command, on hosts made for it: what it says is what happens.

A block of the page that has a comment `<!-- on HOST, ... -->` before it is run there. `: PATH` behind the hosts makes it a file;
`until` among them repeats it until it says what the block of text behind it says. `…` in that text stands for anything.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.hosts import CommandError, Host, programs
from support.network import Network
from support.poll import TimedOut, poll

pytestmark = [
    pytest.mark.fastlb_only,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

PAGE = Path(__file__).parents[2] / "docs/operations/walkthrough.md"
NETWORK = {"lb1": 100, "lb2": 101, "web1": 150, "web2": 151, "client": 50}
NAMES = "127.0.0.1 localhost\n192.168.1.200 www.example.com\n"
PATIENCE_S = 60.0
_BLOCK = re.compile(r"<!-- (.*?) -->\n```(\w+)\n(.*?)```\n(?:```text\n(.*?)```\n)?", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One block of the page. path: of a file, or ""; expected: None where the page shows no output."""

    hosts: tuple[str, ...]
    is_repeated: bool
    path: str
    text: str
    expected: str | None


def blocks(page: str) -> Iterator[Block]:
    for mark, _, text, expected in _BLOCK.findall(page):
        if mark.startswith("not run: "):
            continue
        assert mark.startswith("on "), mark
        where, _, path = mark.removeprefix("on ").partition(": ")
        words = where.split(", ")
        hosts = tuple(word for word in words if word != "until")
        assert set(hosts) <= set(NETWORK), mark
        yield Block(hosts, "until" in words, path, text, expected or None)


def says(expected: str, said: str) -> bool:
    pattern = re.escape(expected.strip()).replace("…", "(?s:.*?)")
    return re.fullmatch(pattern, said.strip()) is not None


@pytest.fixture
def hosts(tmp_path):
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    programs(tmp_path)
    made: dict[str, Host] = {}
    network = Network({name: f"192.168.1.{number}/24" for name, number in NETWORK.items()})
    try:
        for name in NETWORK:
            # One keepalived on this machine sees the processes of both proxies.
            variables = {"FASTLB_SERVING_NAME": f"flb-{name}-{os.getpid() % 10**7}"}
            made[name] = Host(network, name, tmp_path, variables, made)
            made[name].file("/etc/hosts").write_text(NAMES)
        yield made
    finally:
        for host in made.values():
            host.close()
        network.close()


def run(block: Block, host: Host) -> None:
    if block.path:
        host.file(block.path).write_text(block.text)
        return
    if not block.is_repeated:
        said = host.run(block.text)
        expected = block.expected
        assert expected is None or says(expected, said), f"on {host.name}: {block.text}\nsaid:\n{said}\nand not:\n{expected}"
        return
    said = ""

    def is_said() -> bool:
        nonlocal said
        try:
            said = host.run(block.text)
        except CommandError as error:
            said = str(error)
        return says(block.expected or "", said)

    try:
        poll(is_said, "", PATIENCE_S)
    except TimedOut:
        pytest.fail(f"on {host.name}: {block.text}\nsaid at last:\n{said}\nand never:\n{block.expected}")


def test_every_shell_block_of_the_page_is_run_or_says_why_not():
    page = PAGE.read_text()
    assert page.count("```sh\n") + page.count("```haproxy\n") + page.count("```nginx\n") == len(_BLOCK.findall(page))
    assert sum(1 for _ in blocks(page)) > 30


def test_the_walkthrough(hosts):
    for block in blocks(PAGE.read_text()):
        for name in block.hosts:
            run(block, hosts[name])
