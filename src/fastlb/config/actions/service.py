"""`use-service`: a request is answered by a service of the program itself.

Knows the services' names and their numbers in the core (service_t of proxy/stream.pxd). Must not know what they answer
(control/stats).
"""

from __future__ import annotations

from ..rule import RuleValue
from .row import ActionReader, ActionRow

SERVICES = {"prometheus-exporter": 2}


def _use_service(reader: ActionReader) -> tuple[RuleValue, ...]:
    name = reader.word("'use-service' expects a service name")
    if name not in SERVICES:
        known = ", ".join(SERVICES)
        raise reader.fault(f"'use-service' doesn't know the service '{name}'", hint=f"fastlb has {known}")
    return (SERVICES[name],)


ACTIONS: tuple[ActionRow, ...] = (ActionRow("use-service", "H", _use_service, grammar="<service-name>", is_final=True),)
