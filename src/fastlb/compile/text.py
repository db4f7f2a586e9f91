"""Text of the model as the bytes that stood in the file.

Knows how the lexer decodes: UTF-8, other bytes as surrogates. Must not know what a text is for.
"""

from __future__ import annotations


def file_bytes(text: str) -> bytes:
    """The bytes of the configuration file, whatever encoding they are in."""
    return text.encode("utf-8", "surrogateescape")
