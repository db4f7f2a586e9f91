"""The runtime socket: commands, answers, prompt, what they change."""

from __future__ import annotations

import json
import os
import signal
import socket

import pytest

from support.origin import named
from support.poll import poll
from support.processes import workers
from support.proxy import HTTP
from support.runtime import command
from support.sockets import connect
from support.wire import Wire


@pytest.fixture
def proxy(start, origin):
    servers = "".join(f"    server {n} {origin(named(n))} weight 10\n" for n in "ab")
    return start(f"{HTTP}frontend fe\n    bind fd@fe\n    default_backend be\nbackend be\n    balance roundrobin\n{servers}")


def ask(proxy, count=4):
    return {proxy.fetch().body.decode() for _ in range(count)}


def test_show_info_has_the_fields_tools_read(proxy):
    info = proxy.info()
    assert set(info) >= {
        "Name", "Version", "Nbthread", "Process_num", "Pid", "Uptime", "Uptime_sec", "Maxconn", "CurrConns", "CumConns", "CumReq",
        "ConnRate", "SessRate", "Tasks", "Idle_pct", "node", "Maxsock", "Ulimit-n",
    }  # fmt: skip
    assert int(info["Pid"]) == proxy.pid
    before = int(info["CumReq"])
    proxy.fetch()
    assert poll(lambda: int(proxy.info()["CumReq"]) > before, "the request to be counted")


def test_show_stat_counts_traffic(proxy):
    for _ in range(4):
        proxy.fetch()
    poll(lambda: proxy.stat()["be", "BACKEND"]["stot"] == "4", "four sessions")
    stat = proxy.stat()
    assert list(stat) == [("fe", "FRONTEND"), ("be", "a"), ("be", "b"), ("be", "BACKEND")]
    assert [stat["be", name]["stot"] for name in "ab"] == ["2", "2"]
    assert (stat["be", "a"]["status"], stat["be", "a"]["weight"], stat["be", "a"]["act"], stat["be", "a"]["bck"]) == (
        "no check",
        "10",
        "1",
        "0",
    )
    assert (stat["fe", "FRONTEND"]["status"], stat["be", "BACKEND"]["status"]) == ("OPEN", "UP")
    assert stat["fe", "FRONTEND"]["hrsp_2xx"] == "4"
    assert int(stat["fe", "FRONTEND"]["bin"]) == int(stat["be", "BACKEND"]["bin"]) > 0
    assert int(stat["fe", "FRONTEND"]["bout"]) == int(stat["be", "BACKEND"]["bout"]) > 0
    assert [stat[key]["type"] for key in stat] == ["0", "2", "2", "1"]


def test_show_stat_header_is_the_known_columns(proxy):
    header = proxy.command("show stat").splitlines()[0]
    assert header.startswith("# pxname,svname,")
    # Those that every version has, in this order.
    assert header[2:].split(",")[: len(COLUMNS.split())] == COLUMNS.split()


COLUMNS = """
pxname svname qcur qmax scur smax slim stot bin bout dreq dresp ereq econ eresp wretr wredis status weight act bck chkfail
chkdown lastchg downtime qlimit pid iid sid throttle lbtot tracked type rate rate_lim rate_max check_status check_code
check_duration hrsp_1xx hrsp_2xx hrsp_3xx hrsp_4xx hrsp_5xx hrsp_other hanafail req_rate req_rate_max req_tot cli_abrt
srv_abrt comp_in comp_out comp_byp comp_rsp lastsess last_chk last_agt qtime ctime rtime ttime agent_status agent_code
agent_duration check_desc agent_desc check_rise check_fall check_health agent_rise agent_fall agent_health addr cookie mode
algo conn_rate conn_rate_max conn_tot intercepted dcon dses
"""


def test_disable_and_enable_server(proxy):
    assert proxy.command("disable server be/a") == "\n"
    assert proxy.stat()["be", "a"]["status"] == "MAINT"
    assert ask(proxy) == {"b"}
    assert proxy.command("enable server be/a") == "\n"
    assert ask(proxy) == {"a", "b"}


@pytest.mark.parametrize(("state", "status"), [("maint", "MAINT"), ("drain", "DRAIN")])
def test_set_server_state(proxy, state, status):
    assert proxy.command(f"set server be/b state {state}") == "\n"
    assert proxy.stat()["be", "b"]["status"].startswith(status)
    assert ask(proxy) == {"a"}
    assert proxy.command("set server be/b state ready") == "\n"
    assert ask(proxy) == {"a", "b"}


def test_set_and_get_weight(proxy):
    assert proxy.command("get weight be/a") == "10 (initial 10)\n\n"
    assert proxy.command("set server be/a weight 0") == "\n"
    assert proxy.command("get weight be/a") == "0 (initial 10)\n\n"
    assert ask(proxy) == {"b"}
    proxy.command("set weight be/a 50%")
    assert proxy.command("get weight be/a") == "5 (initial 10)\n\n"


def test_show_servers_state_is_version_1(proxy):
    lines = proxy.command("show servers state").splitlines()
    assert lines[0] == "1"
    assert lines[1].startswith("# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight")
    row = dict(zip(lines[1][2:].split(), lines[2].split(), strict=False))
    assert (row["be_name"], row["srv_name"], row["srv_addr"], row["srv_op_state"], row["srv_admin_state"]) == (
        "be",
        "a",
        "127.0.0.1",
        "2",
        "0",
    )
    assert (row["srv_uweight"], row["srv_iweight"]) == ("10", "10")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("nonsense", "Unknown command"),
        ("disable server be/none", "No such server"),
        ("disable server none/a", "No such"),
        ("set server be/a state sideways", "'set server <srv> state' expects 'ready', 'drain' and 'maint'"),
        ("help", "show stat"),
    ],
)
def test_wrong_commands_are_explained(proxy, text, part):
    assert part in proxy.command(text)


def test_several_commands_in_one_line(proxy):
    answer = proxy.command("disable server be/a; get weight be/b; enable server be/a")
    assert "10 (initial 10)" in answer
    assert proxy.stat()["be", "a"]["status"] == "no check"


def test_prompt_keeps_the_connection_until_quit(proxy):
    wire = Wire(connect(proxy.runtime_path))
    wire.send(b"prompt\n")
    assert wire.read_exact(3) == b"\n> "
    wire.send(b"get weight be/a\n")
    assert wire.read_exact(19) == b"10 (initial 10)\n\n> "
    wire.send(b"quit\n")
    assert wire.read_to_end().strip() == b""


def test_without_prompt_one_command_then_end(proxy):
    wire = Wire(connect(proxy.runtime_path))
    wire.send(b"get weight be/a\n")
    assert wire.read_to_end() == b"10 (initial 10)\n\n"


def test_levels_limit_what_a_socket_may_do(start, origin, tmp_path):
    path = tmp_path / "user.sock"
    proxy = start(
        f"global\n    stats socket {path} level user\n{HTTP}frontend fe\n    bind fd@fe\n    default_backend be\n"
        f"backend be\n    server a {origin(named('a'))}\n"
    )
    assert "Permission denied" in command(str(path), "disable server be/a")
    assert command(str(path), "show stat").startswith("# pxname")
    assert proxy.stat()["be", "a"]["status"] == "no check"


def test_stats_socket_over_tcp(start, origin):
    proxy = start(
        f"global\n    stats socket fd@cli level admin\n{HTTP}frontend fe\n    bind fd@fe\n    default_backend be\n"
        f"backend be\n    server a {origin(named('a'))}\n"
    )
    wire = proxy.client("cli")
    wire.send(b"show info\n")
    assert b"Name: " in wire.read_to_end()


def test_a_client_that_sends_no_command_does_not_block_others(proxy):
    idle = [Wire(connect(proxy.runtime_path)) for _ in range(5)]
    assert proxy.info()["Name"]
    assert proxy.fetch().status == 200
    for wire in idle:
        wire.close()


def test_long_garbage_is_survived(proxy):
    wire = Wire(connect(proxy.runtime_path))
    wire.send(b"x" * 100_000 + b"\n")
    assert proxy.info()["Name"]
    wire.close()
    wire = Wire(connect(proxy.runtime_path))
    wire.send(b"\x00\xff\x01 show\n")
    wire.read_to_end()
    assert proxy.info()["Name"]


@pytest.mark.fastlb_only(reason="one of three workers is killed")
def test_frontend_that_is_shut_down_frees_its_address(start, origin):
    fronts = "".join(f"frontend {name}\n    bind port@{name}\n    default_backend be\n" for name in ("fe", "other"))
    proxy = start(f"{HTTP}{fronts}backend be\n    server a {origin(named('a'))}\n", threads=3)
    client = proxy.client()
    assert client.request("/").body == b"a"
    assert proxy.command("shutdown frontend fe") == "\n"
    with pytest.raises(ConnectionRefusedError):
        proxy.client()
    with socket.socket() as taker:
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        proxy.held["fe"].close()
        taker.bind(proxy.addresses["fe"])
        taker.listen()
    # What was open goes on, so does the other frontend, and a worker that is started again leaves the address alone.
    assert client.request("/").body == b"a"
    os.kill(min(workers(proxy, "other")), signal.SIGKILL)
    poll(lambda: len(workers(proxy, "other")) == 3, "another worker")
    assert proxy.fetch(name="other").body == b"a"
    assert proxy.stat()["fe", "FRONTEND"]["status"] == "STOP"


@pytest.mark.fastlb_only(reason="a command of 3.0")
def test_wait_ends_when_the_server_can_be_removed(proxy):
    assert proxy.command("wait 1ms") == "Done.\n\n"
    assert "maintenance" in proxy.command("wait 1ms srv-removable be/a")
    proxy.fetch()
    proxy.command("disable server be/a")
    assert proxy.command("wait 5s srv-removable be/a") == "Done.\n\n"


@pytest.mark.fastlb_only(reason="haproxy's own schema is not that of its output")
@pytest.mark.parametrize("command", ["show info json", "show stat json"])
def test_json_is_as_the_schema_says(proxy, command):
    schema = json.loads(proxy.command("show schema json"))
    listed = json.loads(proxy.command(command))
    (kind,) = (kind for kind in schema["oneOf"] if kind["title"] == ("Info" if "info" in command else "Stat"))
    check(listed, kind, schema["definitions"])


def check(value, kind, known):
    """The part of JSON Schema that is used."""
    kind = known[kind["$ref"].rpartition("/")[2]] if "$ref" in kind else kind
    if "oneOf" in kind:
        (kind,) = (one for one in kind["oneOf"] if one["properties"]["type"]["enum"] == [value["type"]])
    if kind["type"] == "array":
        for each in value:
            check(each, kind["items"], known)
    elif kind["type"] == "object":
        assert set(value) == set(kind["properties"]) == set(kind["required"])
        for name, each in value.items():
            check(each, kind["properties"][name], known)
    elif kind["type"] == "integer":
        assert kind.get("minimum", value) <= value <= kind.get("maximum", value)
    else:
        assert isinstance(value, str) and value in kind.get("enum", (value,))


@pytest.mark.fastlb_only(reason="workers are no threads")
def test_libraries_workers_and_buffers_are_shown(proxy):
    assert "libssl" in proxy.command("show libs")
    assert "Worker 1 : pid=" in proxy.command("show threads")
    assert "Total: 1 workers" in proxy.command("show pools")


@pytest.mark.fastlb_only(reason="workers keep their own")
def test_show_errors_has_the_latest_of_all_workers(start, origin):
    config = f"{HTTP}frontend fe\n    bind port@fe\n    default_backend be\nbackend be\n    server a {origin(named('a'))}\n"
    proxy = start(config, threads=3)
    for number in range(12):
        client = proxy.client()
        client.send(f"GET /{number} HTTP/1.1\r\nb ad: x\r\n\r\n".encode())
        client.read_to_end()
        client.close()
        told = proxy.command("show errors fe request")
        assert f" : {number + 1}\n" in told
        assert told.count("invalid request") == 1
        assert f"  00000  GET /{number} HTTP/1.1\\r\\n\n" in told


def test_show_startup_logs_has_the_warnings_of_the_start(start, origin):
    proxy = start(f"{HTTP}listen fe\n    bind fd@fe\n    server s {origin(named('a'))}\nbackend be\n    option httplog\n")
    assert "'option httplog' directive is ignored in backends" in proxy.command("show startup-logs")
    assert proxy.command("user; show startup-logs").strip() == "Permission denied"


@pytest.mark.fastlb_only(reason="there is nothing to wait for before a signal is safe to send to 2.6's master")
def test_show_startup_logs_follows_a_reload(start, origin):
    text = f"{HTTP}listen fe\n    bind fd@fe\n    server s {origin(named('a'))}\nbackend be\n    option httplog\n"
    proxy = start(text, mode=("-W",))
    proxy.config_path.write_text(proxy.config_path.read_text().replace("option httplog", "option tcplog"))
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: "Reloaded: generation 2" in proxy.stderr, "the next generation")
    logs = proxy.command("show startup-logs")
    assert "option tcplog" in logs and "option httplog" not in logs


@pytest.mark.fastlb_only(reason="newer than 2.6")
def test_echo_stands_between_other_answers(proxy):
    assert proxy.command("echo == a\\ b  c; show version; echo").split("\n")[0] == "== a b c"
    assert proxy.command("user; echo x") == "\nx\n\n"


def test_processes_are_the_masters_business(proxy):
    assert proxy.command("show proc").startswith("Unknown command")
