"""Certificates of the running program: what there is, what a transaction holds, which lines use it."""
