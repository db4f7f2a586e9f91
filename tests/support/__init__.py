"""What the tests that run a whole program share: origins, clients, log sinks and the program's process.

Knows sockets and processes. Must not import `fastlb` or `fastlb_core`: these tests see the program
from outside only, so that the same test runs on Debian's haproxy.
"""
