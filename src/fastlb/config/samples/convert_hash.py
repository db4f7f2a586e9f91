"""Converters that hash, sign, encrypt or read structured data: hashes, HMAC, AES, JWT, JSON, protobuf, MQTT, FIX.

Knows their types and arguments (manual, section 7.3.1). Must not know how they are computed.
"""

from __future__ import annotations

from .row import ConverterRow

CONVERTERS: tuple[ConverterRow, ...] = ()
