"""`http-request use-service prometheus-exporter`: what a scraper reads."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.origin import named
from support.proxy import HTTP


@pytest.fixture
def proxy(start, origin):
    server = origin(named("a"))
    return start(
        f"{HTTP}frontend fe\n    bind fd@fe\n    http-request deny if {{ path /denied }}\n    default_backend be\n"
        f"backend be\n    server s1 {server}\n    server off {server} disabled\n"
        "frontend metrics\n    bind fd@metrics\n    http-request use-service prometheus-exporter if { path /metrics }\n"
    )


def families(proxy, query: str = ""):
    answer = proxy.fetch(f"/metrics{query}", name="metrics")
    assert (answer.status, answer.get("content-type")) == (200, "text/plain; version=0.0.4")
    return {family.name: family for family in text_string_to_metric_families(answer.body.decode())}


def value(found, name: str, **labels: str) -> float:
    (sample,) = [one for one in found[name.removesuffix("_total")].samples if one.name == name and one.labels == labels]
    return sample.value


def test_counters_follow_the_traffic(proxy):
    for _ in range(3):
        proxy.fetch()
    proxy.fetch("/denied")
    found = families(proxy)
    assert value(found, "haproxy_frontend_requests_denied_total", proxy="fe") == 1
    assert value(found, "haproxy_frontend_http_responses_total", proxy="fe", code="2xx") == 3
    assert value(found, "haproxy_frontend_http_responses_total", proxy="fe", code="4xx") == 1
    assert value(found, "haproxy_server_sessions_total", proxy="be", server="s1") == 3
    assert value(found, "haproxy_server_status", proxy="be", server="off", state="MAINT") == 1
    assert value(found, "haproxy_server_status", proxy="be", server="s1", state="UP") == 1
    assert value(found, "haproxy_backend_agg_server_status", proxy="be", state="MAINT") == 1
    assert value(found, "haproxy_process_requests_total") >= 4
    assert {family.type for family in found.values()} == {"counter", "gauge", "histogram"}


def test_histograms_hold_every_request(proxy):
    for _ in range(4):
        proxy.fetch()
    found = families(proxy, "?extra-counters")
    objects = {"frontend": {"proxy": "fe"}, "backend": {"proxy": "be"}, "server": {"proxy": "be", "server": "s1"}}
    for scope, labels in objects.items():
        name = f"haproxy_{scope}_total_time_seconds"
        own = [one for one in found[name].samples if labels.items() <= one.labels.items()]
        counts = [one.value for one in own if one.name == f"{name}_bucket"]
        assert counts == sorted(counts)
        assert counts[-1] == 4
        (total,) = [one.value for one in found[name].samples if one.name == f"{name}_count" and one.labels == labels]
        assert total == 4


def test_query_chooses(proxy):
    assert all(name.startswith("haproxy_server_") for name in families(proxy, "?scope=server"))
    assert {name.split("_")[1] for name in families(proxy, "?scope=backend&scope=global")} == {"backend", "process"}
    assert list(families(proxy, "?metrics=haproxy_server_status,haproxy_server_weight")) == [
        "haproxy_server_status",
        "haproxy_server_weight",
    ]
    assert "haproxy_server_status" not in families(proxy, "?scope=server&metrics=-haproxy_server_status")
    servers = {one.labels["server"] for one in families(proxy, "?scope=server&no-maint")["haproxy_server_status"].samples}
    assert servers == {"s1"}
    assert proxy.fetch("/metrics?scope=nothing", name="metrics").status == 400


def test_only_what_the_rule_takes(proxy):
    assert proxy.fetch("/other", name="metrics").status == 503
    head = proxy.fetch("/metrics", "HEAD", name="metrics")
    assert (head.status, head.body) == (200, b"")
