"""The statistics page in headless Chromium: states are read, columns sorted, a server is drained and put back by clicks."""

from __future__ import annotations

import base64

import pytest

from support.browser import Browser
from support.origin import named
from support.poll import poll
from support.proxy import HTTP

pytestmark = pytest.mark.fastlb_only

HEADINGS = "[...document.querySelectorAll('#be thead tr:last-child th')].map(heading => heading.textContent)"
NAMES = "[...document.querySelectorAll('#be tbody tr.server th')].map(cell => cell.textContent.trim())"
# "" while the page is being loaded
CELL = "(row => row ? row.children[{1}].textContent : '')(document.querySelector('#be tr.server:has(input[value={0}])'))"


@pytest.fixture
def browser(tmp_path):
    login = base64.b64encode(b"admin:secret").decode()
    one = Browser(tmp_path, {"Authorization": f"Basic {login}"})
    yield one
    one.close()


@pytest.fixture
def proxy(start, origin, dead):
    servers = "".join(f"    server s{number} {origin(named('s'))} weight {number}\n" for number in (1, 2, 3))
    return start(
        f"{HTTP}frontend fe\n    bind fd@fe\n    default_backend be\nbackend be\n{servers}"
        f"    server gone {dead()} check inter 100ms fall 1\n"
        "frontend stats\n    bind fd@stats\n    stats enable\n    stats uri /s\n    stats refresh 1s\n"
        "    stats auth admin:secret\n    stats admin if TRUE\n"
    )


def test_the_statistics_page_is_read_sorted_and_clicked(proxy, browser):
    proxy.wait_state("be", "gone", "DOWN")
    host, port = proxy.addresses["stats"]
    browser.open(f"http://{host}:{port}/s")
    assert browser.value(NAMES) == ["s1", "s2", "s3", "gone"]
    status, weight = (browser.value(HEADINGS).index(heading) + 1 for heading in ("Status", "Wght"))

    def state(server: str) -> str:
        return str(browser.value(CELL.format(server, status)))

    def apply(action: str, server: str) -> None:
        browser.click(f"input[name=s][value={server}]")
        browser.choose("#be select[name=action]", action)
        browser.click("#be form button")

    assert "DOWN" in state("gone")
    assert "no check" in state("s1")

    # the heaviest first, then the lightest
    heading = f"#be thead tr:last-child th:nth-child({weight})"
    browser.click(heading)
    assert browser.value(NAMES)[:3] == ["s3", "s2", "s1"]
    browser.click(heading)
    assert [name for name in browser.value(NAMES) if name != "gone"] == ["s1", "s2", "s3"]

    apply("drain", "s2")
    poll(lambda: proxy.stat()["be", "s2"]["status"] == "DRAIN", "the server to be drained")
    assert [question for question in browser.asked if "s2" in question], browser.asked
    poll(lambda: "DRAIN" in state("s2"), "the page to show it")

    apply("ready", "s2")
    poll(lambda: proxy.stat()["be", "s2"]["status"] != "DRAIN", "the server to be ready")
    # The page refreshes itself in place: nothing is clicked here.
    proxy.command("set server be/s1 state maint")
    poll(lambda: "MAINT" in state("s1"), "the page to show it")
