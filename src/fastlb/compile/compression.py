"""`compression` for the core: numbers for names, in the order in which haproxy tries the algorithms.

Knows what bridge/layout_compression takes. Must not know headers.
"""

from __future__ import annotations

from typing import Any

from fastlb_core.bridge.layout_compression import CODINGS, DIRECTIONS

from ..config.model import Compression
from .text import file_bytes

PACKER_BYTES = 270_000  # what zlib takes for one answer


def compression_values(compression: Compression) -> dict[str, Any]:
    """The settings as bridge/layout_compression.pxd wants them."""
    # haproxy: the last one named comes first, which counts for `Accept-Encoding: *` and for the two kinds of deflate.
    names = dict.fromkeys(reversed(compression.algorithms))
    return {
        "algos": [CODINGS[name] for name in names],
        "types": [file_bytes(media.lower()) for media in compression.types],
        "offload": compression.offload,
        "minsize": compression.minsize,
        "directions": DIRECTIONS[compression.direction],
        "algo_req": CODINGS.get(compression.algorithm_req, 0),
        "types_req": [file_bytes(media.lower()) for media in compression.types_req],
        "minsize_req": compression.minsize_req,
    }


def packers_of_worker(megabytes: int, n_workers: int) -> int:
    """How many answers a worker may compress at once within `maxzlibmem`; 0: no limit."""
    return max(1, megabytes * (1 << 20) // PACKER_BYTES // n_workers) if megabytes > 0 else 0
