"""How results of checks move a server's health, and what is logged: HAProxy's counter and its exact words."""

from __future__ import annotations

import asyncio

from fastlb.control import ports
from fastlb.control.checks import health
from fastlb.control.checks.answer import read_answer
from fastlb.control.checks.status import Result, Status

from .conftest import Rig, backend, server

PASSED = Result(Status.L7OK, 200)
REFUSED = Result(Status.L4CON, -1, "Connection refused")


def play(rig: Rig, results: list[Result], place: int = 0) -> list[tuple[int, int]]:
    """(health, operational state) after each result of the rig's server at `place`."""

    async def run() -> list[tuple[int, int]]:
        control = rig.build()
        one = control.directory.servers[place]
        seen = []
        for result in results:
            health.apply(control.servers, one, result, 3)
            state = rig.arena.servers[place]
            seen.append((state.health, state.state))
        return seen

    return asyncio.run(run())


def test_new_server_is_one_success_from_the_top() -> None:
    assert play(Rig(backend("be", server("s", rise=2, fall=3))), [PASSED]) == [(4, ports.STATE_RUNNING)]


def test_new_server_is_one_failure_from_down() -> None:
    rig = Rig(backend("be", server("s", rise=2, fall=3), server("other")))
    assert play(rig, [REFUSED]) == [(0, ports.STATE_STOPPED)]
    assert rig.log.take() == [
        '<129>Server be/s is DOWN, reason: Layer4 connection problem, info: "Connection refused", check duration: 3ms.'
        " 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue."
    ]


def test_server_that_is_fully_up_needs_fall_failures() -> None:
    rig = Rig(backend("be", server("s", rise=2, fall=3)))
    stopped, running = ports.STATE_STOPPED, ports.STATE_RUNNING
    assert play(rig, [PASSED, REFUSED, REFUSED, REFUSED]) == [(4, running), (3, running), (2, running), (0, stopped)]
    assert rig.arena.servers[0].failed_checks == 3


def test_success_between_failures_jumps_back_to_the_top() -> None:
    rig = Rig(backend("be", server("s", rise=2, fall=3)))
    assert [value for value, _ in play(rig, [PASSED, REFUSED, REFUSED, PASSED, REFUSED])] == [4, 3, 2, 4, 3]
    assert rig.arena.servers[0].state == ports.STATE_RUNNING


def test_down_server_needs_rise_successes() -> None:
    rig = Rig(backend("be", server("s", rise=3, fall=2)))
    stopped = ports.STATE_STOPPED
    seen = play(rig, [REFUSED, PASSED, PASSED, PASSED])
    assert seen == [(0, stopped), (1, stopped), (2, stopped), (4, ports.STATE_RUNNING)]
    assert rig.log.take()[-1] == (
        "<133>Server be/s is UP, reason: Layer7 check passed, code: 200, check duration: 3ms."
        " 1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue."
    )


def test_last_server_of_a_backend_is_an_emergency() -> None:
    rig = Rig(backend("be", server("s")))
    play(rig, [REFUSED])
    assert rig.log.take()[-1] == "<128>backend be has no server available!"
    assert rig.arena.proxies[0].down_trans == 1


def test_backup_server_is_named_so_and_takes_over() -> None:
    rig = Rig(backend("be", server("s"), server("b", backup=True)))
    play(rig, [REFUSED])
    assert "0 active and 1 backup servers left. Running on backup. 0 sessions active" in rig.log.take()[0]
    rig = Rig(backend("be", server("s"), server("b", backup=True)))
    play(rig, [REFUSED], place=1)
    assert rig.log.take()[0].startswith("<129>Backup Server be/b is DOWN, reason: ")


def test_log_health_checks_tells_each_change_and_leaves_the_reason_out_of_down() -> None:
    rig = Rig(backend("be", server("s", rise=2, fall=3), server("b", backup=True), options={"log-health-checks"}))
    play(rig, [Result(Status.L7STS, 500, "Oh"), PASSED, PASSED, PASSED])
    passed = "reason: Layer7 check passed, code: 200, check duration: 3ms"
    assert rig.log.take() == [
        '<133>Health check for server be/s failed, reason: Layer7 wrong status, code: 500, info: "Oh",'
        " check duration: 3ms, status: 0/2 DOWN.",
        "<129>Server be/s is DOWN. 0 active and 1 backup servers left. Running on backup."
        " 0 sessions active, 0 requeued, 0 remaining in queue.",
        f"<133>Health check for server be/s succeeded, {passed}, status: 1/2 DOWN.",
        f"<133>Health check for server be/s succeeded, {passed}, status: 3/3 UP.",
        "<133>Server be/s is UP. 1 active and 1 backup servers online. 0 sessions requeued, 0 total in queue.",
    ]


def test_result_of_a_server_that_went_into_maintenance_does_not_count() -> None:
    rig = Rig(backend("be", server("s", check=True, disabled=True)))
    assert play(rig, [PASSED]) == [(0, ports.STATE_STOPPED)]
    assert rig.log.take() == []


def test_what_a_server_says_cannot_break_the_log_line() -> None:
    rig = Rig(backend("be", server("s"), server("other")))
    play(rig, [Result(Status.L7STS, 500, 'a"\x01\né')])
    assert 'info: "a<22><01><0A><C3><A9>", check' in rig.log.take()[0]


def test_bytes_that_are_no_text_are_shown_as_they_came() -> None:
    rig = Rig(backend("be", server("s"), server("other")))
    answer = read_answer(b"HTTP/1.1 500 bad\xe9\r\n\r\n", is_final=False)
    assert answer is not None
    play(rig, [Result(Status.L7STS, answer.status, answer.reason.decode("utf-8", "surrogateescape"))])
    assert 'info: "bad<E9>", check' in rig.log.take()[0]
