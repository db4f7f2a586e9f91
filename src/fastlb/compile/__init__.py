"""From the typed model to the program that the engine runs (`program.py`), and what only the core can check (`verify.py`).

Imports nothing: `-c` does not need the whole core.
"""
