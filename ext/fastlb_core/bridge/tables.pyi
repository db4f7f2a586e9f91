"""The stick tables of a program: see tables.pyx. Keys are bytes as the table keeps them."""

from typing import NamedTuple

from .builder import Program

class TableInfo(NamedTuple):
    index: int
    name: str
    key_type: int
    key_size: int
    size: int
    expire_ms: int
    store: list[tuple[int, int, int]]

class TableEntry(NamedTuple):
    address: int
    key: bytes
    uses: int
    expires_ms: int
    values: dict[tuple[int, int], int | bytes]

class Tables:
    program: Program
    infos: tuple[TableInfo, ...]
    def __init__(self, program: Program) -> None: ...
    def used(self, index: int) -> int: ...
    def read(self, index: int, at: int, most: int) -> tuple[list[TableEntry], int | None]: ...
    def find(self, index: int, key: bytes) -> TableEntry | None: ...
    def set(self, index: int, key: bytes, values: list[tuple[int, int, int | bytes]]) -> bool: ...
    def clear(self, index: int, key: bytes) -> bool: ...
