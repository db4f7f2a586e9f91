"""Whole proxies compared on the same work: `python -m bench.macro`. See bench/README.md for the method."""
