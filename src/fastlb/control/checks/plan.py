"""From a backend's configuration to the sequence that its checks run, once for all its servers.

Knows where steps come from and what must be compiled for them. Must not know how they run.
"""

from __future__ import annotations

from fastlb_core.bridge.checks import Evaluation, Evaluator, Regex

from fastlb.compile.checks import evaluated, regexes_of
from fastlb.config.model import Configuration, Proxy
from fastlb.config.samples.values import RegexValue
from fastlb.control import ports
from fastlb.control.checks.protocols import steps_of
from fastlb.control.checks.sequence import Sequence


class CheckPlans:
    """The sequences of all backends, each made when it is first asked for."""

    def __init__(self, configuration: Configuration, program: ports.Program) -> None:
        self._limit = configuration.global_.bufsize
        self._program = program
        self._plans: dict[int, Sequence | None] = {}
        self._evaluator: Evaluator | None = None

    def plan(self, px: Proxy) -> Sequence | None:
        """The backend's sequence, None where a plain connection or a program is all there is to a check."""
        if id(px) not in self._plans:
            self._plans[id(px)] = self._made(px)
        return self._plans[id(px)]

    def evaluation(self, sequence: Sequence, server: int) -> ports.CheckEvaluation | None:
        """For one run of the server's check; None where its steps have nothing to evaluate."""
        if not sequence.places:
            return None
        if self._evaluator is None:
            self._evaluator = Evaluator(self._program)
        found: ports.CheckEvaluation = Evaluation(self._evaluator, server)
        return found

    def _made(self, px: Proxy) -> Sequence | None:
        kind = px.check.kind
        if kind in ("", "external-check"):
            return None
        steps = px.check.steps if kind in ("tcp-check", "httpchk") else steps_of(kind, px.check.arguments)
        places = {id(value): place for place, value in enumerate(evaluated(px))}
        regexes = {id(value): _compiled(value) for step in steps for value in regexes_of(step)}
        return Sequence(kind, steps, places, regexes, px.check.disables_on_404, self._limit)


def _compiled(value: RegexValue) -> Regex:
    return Regex(value.pattern.encode("utf-8", "surrogateescape"), value.ignore_case)
