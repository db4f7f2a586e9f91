"""Benchmarks of fastlb: `macro` against other proxies, `micro` of single functions. Not part of the installed product."""
