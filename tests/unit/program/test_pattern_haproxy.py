"""The same patterns and samples through Debian's haproxy and through the core's indexes: the same entry is chosen.

haproxy's cache of matches is off: in 2.6.12 it mixes up the results of different methods on equal samples.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
from fastlb_core.bridge.patternkit import Index, Ref

from support.proxy import HTTP, Proxy

METHODS = ("str", "beg", "end", "sub", "dir", "dom")
CHOICE = random.Random(20261125)
NETWORKS = [
    "0.0.0.0/1", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "10.0.255.0/255.0.255.0", "200.0.0.9/255.0.0.255",
    "::ffff:10.1.2.0/120", "2002:a01::/32", "2001:db8::/32", "2001:db8:1::/48", "::/97", "fe80::/10", "10.1.2.3", "200.1.0.0/15",
]
HOSTS = [
    "1.2.3.4", "10.9.9.9", "10.1.9.9", "10.1.2.3", "10.1.2.4", "10.5.255.1", "200.5.5.9", "200.1.1.9", "200.0.255.9", "::1", "::",
    "::ffff:10.1.2.3", "::ffff:10.5.255.1", "::ffff:200.5.5.9", "::10.1.2.3", "::200.5.5.9", "2002:a01:203::1", "2002:c805:509::",
    "2002:102:304::", "2001:db8::", "2001:db8:1::1", "2003::", "febf::1", "fec0::", "64:ff9b::10.1.2.3",
]
NUMBERS = ["1:5", "3:8", "3", "-0", "100:", "20-30", ":-7"]
VALUES = ["1", "3", "6", "0", "-5", "-7", "8", "9", "99", "100", "25", "9223372036854775807"]
REGEXES = [("^/a(.*)b$", r"<\1>"), ("([ab])+/", r"\0-\1-\2"), ("b", r"\\1\x21\x7e"), ("^$", "empty"), (".", r"\9")]


def texts(count: int, alphabet: bytes, longest: int) -> list[bytes]:
    """Random words, each once."""
    words = {bytes(CHOICE.choices(alphabet, k=CHOICE.randint(1, longest))) for _ in range(count)}
    return sorted(words, key=lambda _: CHOICE.random())


def numbered(keys: list[str]) -> list[tuple[str, str]]:
    return [(key, f"v{n}") for n, key in enumerate(keys)]


KEYS = [*texts(25, b"ab/.", 4), b"a", b"A/b", b"ab", b"a"]
SAMPLES = [b"", *texts(60, b"abAB/.?:", 9), *texts(10, b"ab\0", 5)]


class Lab:
    """One haproxy that answers each sample with the result of every map and ACL, and the core's indexes beside it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.indexes: dict[str, Index] = {}
        self.maps: dict[str, str] = {}
        rules = ["    http-request set-var(txn.x) req.hdr(x),url_dec"]
        for method in METHODS:
            self.add_map(method, numbered([key.decode() for key in KEYS]), method)
        self.add_map("reg", REGEXES, "regm")
        self.add_map("ip", numbered(NETWORKS), "ip")
        self.add_map("int", numbered(NUMBERS), "int")
        plain = self.write("strings.lst", [(key.decode(), "") for key in KEYS])
        groups = {"text": [*METHODS, "regm"], "ip": ["ip"], "int": ["int"]}
        answers = {name: [f"%[var(txn.x),{self.maps[part]}]" for part in parts] for name, parts in groups.items()}
        for method in METHODS:
            for flag in ("", "-i"):
                name = f"{method}{flag.replace('-', '_')}"
                rules += [
                    f"    acl a_{name} var(txn.x) -m {method} {flag} -f {plain}",
                    f"    http-request set-var(txn.{name}) str(yes) if a_{name}",
                ]
                answers["text"].append(f"%[var(txn.{name})]")
        for name, parts in answers.items():
            form = "|".join(parts)
            rules.append(f'    http-request return status 200 content-type text/plain lf-string "{form}" if {{ path /{name} }}')
        config = "global\n    tune.pattern.cache-size 0\n" + HTTP + "frontend fe\n    bind fd@fe\n" + "\n".join(rules)
        self.proxy = Proxy("haproxy", config)
        self.client = self.proxy.client()

    def write(self, name: str, lines: list[tuple[str, str]]) -> Path:
        path = self.directory / name
        path.write_text("".join(f"{key} {value}".rstrip() + "\n" for key, value in lines))
        return path

    def add_map(self, method: str, entries: list[tuple[str, str]], name: str) -> None:
        ref = Ref(has_values=True)
        for key, value in entries:
            ref.add(key.encode(), value.encode())
        self.indexes[name] = ref.attach(method, capture=name == "regm", output="str")
        self.maps[name] = f"map_{name}({self.write(f'{name}.map', entries)},none)"

    def ask(self, group: str, sample: bytes) -> list[bytes]:
        head = f"GET /{group} HTTP/1.1\r\nHost: a\r\nx: {quote_from_bytes(sample, safe='')}\r\n\r\n"
        self.client.send(head.encode())
        return self.client.read_response().body.split(b"|")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("maps"))
    try:
        yield made
    finally:
        made.client.close()
        made.proxy.stop()


def test_maps_of_strings_choose_the_same_entry(lab: Lab) -> None:
    names = [*METHODS, "regm"]
    for sample in SAMPLES:
        expected = dict(zip(names, lab.ask("text", sample), strict=False))
        assert {name: lab.indexes[name].convert(sample, b"none") for name in names} == expected, sample


def test_acls_match_the_same_samples_with_and_without_case(lab: Lab) -> None:
    indexes = []
    for method in METHODS:
        for icase in (False, True):
            ref = Ref()
            indexes.append(ref.attach(method, icase=icase))
            for key in KEYS:
                ref.add(key)
    for sample in SAMPLES:
        answers = lab.ask("text", sample)[len(METHODS) + 1 :]
        assert [index.match(sample) is not None for index in indexes] == [answer == b"yes" for answer in answers], sample


def test_maps_of_networks_choose_the_same_entry(lab: Lab) -> None:
    assert {host: lab.indexes["ip"].convert(host.encode(), b"none") for host in HOSTS} == {
        host: lab.ask("ip", host.encode())[0] for host in HOSTS
    }


def test_maps_of_numbers_choose_the_same_entry(lab: Lab) -> None:
    assert {text: lab.indexes["int"].convert(text.encode(), b"none") for text in VALUES} == {
        text: lab.ask("int", text.encode())[0] for text in VALUES
    }
