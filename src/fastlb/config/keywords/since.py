"""Which keywords HAProxy 2.6, the oldest version that fastlb follows, does not have.

Knows names only; the tables ask when they make their rows. From the lists of 2.6.12 and 3.5-dev5.
"""

from __future__ import annotations

from ..values import names

LATER = "2.7 or later"
_NEWER = frozenset(
    names("""
51degrees-allow-unmatched 51degrees-difference 51degrees-drift 51degrees-use-performance-graph
51degrees-use-predictive-graph acme.scheduler anonkey be-unpublished cc check-pool-conn-name check-reuse-pool check-sni-auto
client-sigalgs cpu-affinity cpu-policy debug.counters default-crt dns-accept-family ech expose-deprecated-directives
filter-sequence force-be-switch force-cfg-parser-pause guid guid-prefix h1-do-not-close-on-insecure-transfer-encoding
harden.reject-privileged-ports.quic harden.reject-privileged-ports.tcp hash-key hash-preserve-affinity healthcheck
http-err-codes http-fail-codes httpclient.resolvers.disabled httpclient.retries httpclient.timeout.connect idle-ping
init-state jwt.decrypt_alg_list jwt.decrypt_enc_list key-base ktls limited-quic log-bufsize log-steps max-threads-per-group
nbconn no-alpn no-check-reuse-pool no-check-sni-auto no-renegotiate no-sni-auto no-strict-sni noktls ocsp-update.disable
ocsp-update.httpproxy ocsp-update.maxdelay ocsp-update.mindelay ocsp-update.mode pool-conn-name prealloc-fd quic-initial
quic-socket renegotiate set-proxy-v2-tlv-fmt setcap shm-stats-file shm-stats-file-max-objects sigalgs sni-auto
ssl-default-bind-client-sigalgs ssl-default-bind-sigalgs ssl-default-server-client-sigalgs ssl-default-server-curves
ssl-default-server-sigalgs ssl-f-use ssl-passphrase-cmd ssl-security-level stats-file stress-level strict-maxconn tcp-md5sig
tcp-ss thread-hard-limit tune.applet.zero-copy-forwarding tune.bufsize.large tune.bufsize.small tune.chksize
tune.cli.max-payload-size tune.defaults.purge tune.disable-fast-forward tune.disable-zero-copy-forwarding
tune.epoll.mask-events tune.events.max-events-at-once tune.fd.tables tune.glitches.kill.cpu-usage
tune.h1.be.glitches-threshold tune.h1.fe.glitches-threshold tune.h1.zero-copy-fwd-recv tune.h1.zero-copy-fwd-send
tune.h2.be.glitches-threshold tune.h2.be.initial-window-size tune.h2.be.max-concurrent-streams tune.h2.be.max-frames-at-once
tune.h2.be.rxbuf tune.h2.fe.glitches-threshold tune.h2.fe.initial-window-size tune.h2.fe.max-concurrent-streams
tune.h2.fe.max-frames-at-once tune.h2.fe.max-rst-at-once tune.h2.fe.max-total-streams tune.h2.fe.rxbuf tune.h2.log-errors
tune.h2.zero-copy-fwd-send tune.listener.default-shards tune.lua.bool-sample-conversion tune.lua.burst-timeout
tune.lua.log.loggers tune.lua.log.stderr tune.lua.openlibs tune.max-checks-per-thread tune.max-rules-at-once
tune.memory.hot-size tune.notsent-lowat.client tune.notsent-lowat.server tune.pt.zero-copy-forwarding
tune.quic.be.cc.cubic-min-losses tune.quic.be.cc.hystart tune.quic.be.cc.max-frame-loss tune.quic.be.cc.max-win-size
tune.quic.be.cc.reorder-ratio tune.quic.be.max-idle-timeout tune.quic.be.sec.glitches-threshold
tune.quic.be.stream.data-ratio tune.quic.be.stream.max-concurrent tune.quic.be.stream.rxbuf tune.quic.be.tx.pacing
tune.quic.be.tx.udp-gso tune.quic.fe.cc.cubic-min-losses tune.quic.fe.cc.hystart tune.quic.fe.cc.max-frame-loss
tune.quic.fe.cc.max-win-size tune.quic.fe.cc.reorder-ratio tune.quic.fe.max-idle-timeout tune.quic.fe.sec.glitches-threshold
tune.quic.fe.sec.retry-threshold tune.quic.fe.sock-per-conn tune.quic.fe.stream.data-ratio
tune.quic.fe.stream.max-concurrent tune.quic.fe.stream.max-total tune.quic.fe.stream.rxbuf tune.quic.fe.tx.pacing
tune.quic.fe.tx.udp-gso tune.quic.listen tune.quic.mem.tx-max tune.quic.zero-copy-fwd-send tune.rcvbuf.backend
tune.rcvbuf.frontend tune.renice.runtime tune.renice.startup tune.ring.queues tune.sndbuf.backend tune.sndbuf.frontend
tune.ssl.certificate-compression tune.ssl.keyupdate-rate-limit tune.ssl.ocsp-update.maxdelay tune.ssl.ocsp-update.mindelay
tune.stick-counters tune.streams-elasticity tune.takeover-other-tg-connections warn-blocked-traffic-after
""")
) | {
    "option accept-unsafe-violations-in-http-request",
    "option accept-unsafe-violations-in-http-response",
    "option forwarded",
    "option http-drop-request-trailers",
    "option http-drop-response-trailers",
    "option use-small-buffers",
    "stats show-version",
}


def since(name: str) -> str:
    """LATER for a keyword or option that 2.6 does not know, "" for the others."""
    return LATER if name in _NEWER else ""
