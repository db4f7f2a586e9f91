"""Single functions of fastlb measured with pytest-benchmark: `python -m pytest bench/micro`."""
