"""What one program leaves to the next one: see heritage.pyx."""

from .builder import Program

class Ledger:
    program: Program
    def __init__(self, program: Program) -> None: ...
    def forget(self) -> None: ...
    def pass_on(self, heir: Program) -> None: ...

def copy_proxy(old: Program, old_index: int, new: Program, new_index: int) -> None: ...
def copy_server(
    old: Program,
    old_index: int,
    new: Program,
    new_index: int,
    *,
    admin: int,
    state: int,
    health: int,
    weight: int | None = None,
    maxconn: int | None = None,
    address: bytes | None = None,
    keeps_checks: bool = False,
    keeps_check_destination: bool = False,
    keeps_agent: bool = False,
) -> None: ...
def refresh(program: Program) -> None: ...
def copy_table(
    old: Program,
    old_index: int,
    new: Program,
    new_index: int,
    *,
    since_ms: int = 0,
    now_ids: list[int] | None = None,
) -> int | None: ...
