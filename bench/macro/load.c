/* The load generator where wrk does not fit: connection per request, bulk, thousands of idle connections, plain TCP.
 *   load PORT --conns N --seconds S --warmup S --path /64 [--active M] [--post BYTES] [--close] [--hold] [--tls] [--resume]
 * Closed loop: each connection has one request out; with --active at most M of them at a time, all connections in rotation. It speaks HTTP to the origin through whatever relays it.
 * Steps: connections are opened 64 at a time with a request each; all run for the warm-up; all come to rest; "ready" on stdout;
 * a line on stdin starts the measured part; after S seconds no more requests are sent, the last answers are awaited, one JSON line is
 * printed. So whoever reads the CPU clocks before the line and after the JSON has exactly the work that was counted.
 * --hold: after "ready" the connections stay open and idle until a line arrives on stdin.
 * --tls: each connection is TLS, with a full handshake; --resume: with the session of an earlier one. The server is not verified. */
#include "common.h"
#include <getopt.h>
#include <openssl/ssl.h>

#define HEAD_MAX 1024
#define RAMP 64
#define BUCKETS (64 * 32)
#define STALL_NS 15000000000ull

typedef struct {
	int fd, n_head, is_first, is_busy;
	long n_sent, body; /* bytes of the request already sent; bytes of the answer's body still expected, -1: head not complete */
	uint64_t started_ns;
	SSL *tls; /* owned; NULL: plain */
	char head[HEAD_MAX];
} conn_t;

static int port, n_conns = 32, n_active, cursor, post, use_close, hold, ep;
static double seconds = 2, warmup = 0.5;
static const char *path = "/64";
static char *req, sink[1 << 20];
static long n_req;
static conn_t *conns;
static int n_started, n_ramping, n_busy, is_running;
static unsigned long units, errors, bytes, histogram[BUCKETS];
static SSL_CTX *tls_ctx;
static SSL_SESSION *session; /* the newest one, for --resume */
static int resume;
static unsigned long n_resumed;

static void fail(const char *what) {
	fprintf(stderr, "load: %s\n", what);
	exit(1);
}

/* Buckets of 1/32 of a power of two: 3 % of error at most. */
static int bucket_of(uint64_t ns) {
	int shift = 58 - __builtin_clzll(ns | 32);
	return (shift + 1) * 32 + (int)(ns >> shift) - 32;
}

static double quantile_us(double q) {
	unsigned long seen = 0, want = (unsigned long)(units * q);
	for (int i = 0; i < BUCKETS; i++) {
		seen += histogram[i];
		if (seen > want) return (i < 32 ? i : (double)((i % 32 + 32ull) << (i / 32 - 1))) / 1000.0;
	}
	return 0;
}

static void conn_open(conn_t *conn);
static void send_request(conn_t *conn);

static void conn_close(conn_t *conn) {
	if (conn->tls) {
		SSL_set_shutdown(conn->tls, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* or libssl forgets the session */
		SSL_free(conn->tls);
		conn->tls = NULL;
	}
	if (conn->fd >= 0) close(conn->fd);
	conn->fd = -1;
}

/* What TLS says in the terms of send() and recv(): -1 with EAGAIN, 0 at the end, -1 with another errno. */
static ssize_t tls_result(conn_t *conn, int n) {
	int why;
	if (n > 0) return n;
	why = SSL_get_error(conn->tls, n);
	errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
	return why == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static ssize_t conn_send(conn_t *conn, const char *from, size_t size) {
	return conn->tls ? tls_result(conn, SSL_write(conn->tls, from, size)) : send(conn->fd, from, size, MSG_NOSIGNAL);
}

/* flags: MSG_TRUNC when nobody looks at the bytes. */
static ssize_t conn_recv(conn_t *conn, char *into, size_t size, int flags) {
	return conn->tls ? tls_result(conn, SSL_read(conn->tls, into, size)) : recv(conn->fd, into, size, flags);
}

/* A copy: libssl marks a connection's own session as spent when the connection gets the next ticket. */
static int keep_session(SSL *tls, SSL_SESSION *newest) {
	(void)tls;
	SSL_SESSION_free(session);
	session = SSL_SESSION_dup(newest);
	return 0;
}

static void offer_session(conn_t *conn) {
	SSL_SESSION *copy = session ? SSL_SESSION_dup(session) : NULL;
	if (copy) SSL_set_session(conn->tls, copy);
	SSL_SESSION_free(copy);
}

static void tls_setup(void) {
	tls_ctx = SSL_CTX_new(TLS_client_method());
	if (!tls_ctx) fail("TLS");
	SSL_CTX_set_mode(tls_ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	if (resume) {
		SSL_CTX_set_session_cache_mode(tls_ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(tls_ctx, keep_session);
	}
}

static void tls_start(conn_t *conn) {
	conn->tls = SSL_new(tls_ctx);
	if (!conn->tls || !SSL_set_fd(conn->tls, conn->fd)) fail("TLS");
	if (resume) offer_session(conn);
	SSL_set_tlsext_host_name(conn->tls, "localhost");
	SSL_set_connect_state(conn->tls);
}

/* The connection that has been idle for longest, roughly; one is idle, since fewer are active than there are. */
static conn_t *next_in_turn(void) {
	do cursor = (cursor + 1) % n_conns;
	while (conns[cursor].is_busy);
	return &conns[cursor];
}

/* The connection is done with its request; the next one, unless it is time to rest. */
static void next_request(conn_t *conn) {
	if (use_close) conn_close(conn);
	n_busy--;
	conn->is_busy = 0;
	if (conn->is_first) {
		conn->is_first = 0;
		n_ramping--;
	}
	if (!is_running) return;
	if (n_active < n_conns) conn = next_in_turn();
	if (conn->fd < 0) {
		conn_open(conn);
		return;
	}
	send_request(conn);
}

static void on_error(conn_t *conn) {
	conn_close(conn);
	if (++errors > 1000) fail("more than 1000 failed requests");
	next_request(conn);
}

static void send_more(conn_t *conn) {
	while (conn->n_sent < n_req) {
		ssize_t n = conn_send(conn, req + conn->n_sent, n_req - conn->n_sent);
		if (n < 0) {
			if (errno != EAGAIN && errno != ENOTCONN) on_error(conn);
			return;
		}
		conn->n_sent += n;
	}
}

static void send_request(conn_t *conn) {
	n_busy++;
	conn->is_busy = 1;
	conn->n_sent = conn->n_head = 0;
	conn->body = -1;
	conn->started_ns = now_ns();
	send_more(conn);
}

static void conn_open(conn_t *conn) {
	conn->fd = connect_to(port);
	if (conn->fd < 0) die("connect");
	watch(ep, conn->fd, conn);
	if (tls_ctx) tls_start(conn);
	send_request(conn);
}

static void on_answer(conn_t *conn) {
	units++;
	histogram[bucket_of(now_ns() - conn->started_ns)]++;
	if (resume && use_close) n_resumed += SSL_session_reused(conn->tls);
	next_request(conn);
}

/* Returns 0 when the head is not complete, -1 when it is not the answer that was asked for, 1 when conn->body is known. */
static int parse_head(conn_t *conn) {
	char *end = memmem(conn->head, conn->n_head, "\r\n\r\n", 4), *field;
	if (!end) return conn->n_head == HEAD_MAX - 1 ? -1 : 0;
	if (memcmp(conn->head, "HTTP/1.", 7) || memcmp(conn->head + 8, " 200", 4)) return -1;
	*end = 0;
	field = strcasestr(conn->head, "\r\ncontent-length:");
	if (!field) return -1;
	conn->body = atol(field + 17) - (conn->n_head - (end + 4 - conn->head));
	return conn->body < 0 ? -1 : 1;
}

static void on_readable(conn_t *conn) {
	while (conn->fd >= 0) {
		ssize_t n;
		if (conn->body < 0) n = conn_recv(conn, conn->head + conn->n_head, HEAD_MAX - 1 - conn->n_head, 0);
		else n = conn_recv(conn, sink, conn->body < (long)sizeof sink ? conn->body : (long)sizeof sink, MSG_TRUNC);
		if (n < 0 && errno == EAGAIN) return;
		if (n <= 0) {
			on_error(conn);
			return;
		}
		bytes += n;
		if (conn->body >= 0) conn->body -= n;
		else {
			conn->n_head += n;
			if (parse_head(conn) < 0) {
				on_error(conn);
				return;
			}
		}
		if (conn->body == 0) { /* nothing can follow an answer in a closed loop: no further recv */
			on_answer(conn);
			return;
		}
	}
}

static void ramp(void) {
	while (n_started < n_conns && n_ramping < RAMP) {
		conn_t *conn = &conns[n_started++];
		conn->is_first = 1;
		n_ramping++;
		conn_open(conn);
	}
}

static void turn(void) {
	static struct epoll_event events[512];
	int n = epoll_wait(ep, events, 512, 100);
	for (int i = 0; i < n; i++) {
		conn_t *conn = events[i].data.ptr;
		if (conn->fd < 0) continue;
		/* a handshake is driven by the request that waits for it, and goes on with what is read */
		if ((events[i].events & (EPOLLOUT | (conn->tls ? EPOLLIN : 0))) && conn->n_sent < n_req) send_more(conn);
		if (conn->fd >= 0 && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && conn->n_sent == n_req) on_readable(conn);
	}
}

static void rest(void) {
	uint64_t deadline = now_ns() + STALL_NS;
	is_running = 0;
	while (n_busy) {
		turn();
		if (now_ns() > deadline) fail("answers are missing after 15 s");
	}
}

static void run_for(double duration) {
	uint64_t until = now_ns() + (uint64_t)(duration * 1e9);
	is_running = 1;
	for (int i = 0; i < n_active; i++) {
		conn_t *conn = next_in_turn();
		if (conn->fd < 0) conn_open(conn);
		else send_request(conn);
	}
	while (now_ns() < until) turn();
	rest();
}

/* With Host 13 headers, as a browser sends them. */
static int browser;
static const char browser_headers[] =
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
	"Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: identity\r\nReferer: https://www.example.com/start?from=here\r\n"
	"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; lang=en\r\nUpgrade-Insecure-Requests: 1\r\n"
	"Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nCache-Control: max-age=0\r\n"
	"X-Requested-With: bench\r\n";

static void build_request(void) {
	req = malloc(4096 + post);
	n_req = sprintf(req, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s", post ? "POST" : "GET", path, port, use_close ? "Connection: close\r\n" : "");
	if (browser) n_req += sprintf(req + n_req, "%s", browser_headers);
	if (post) n_req += sprintf(req + n_req, "Content-Length: %d\r\n", post);
	n_req += sprintf(req + n_req, "\r\n");
	memset(req + n_req, 'y', post);
	n_req += post;
}

static void parse_args(int argc, char **argv) {
	static const struct option options[] = {{"conns", 1, 0, 'n'}, {"seconds", 1, 0, 's'}, {"warmup", 1, 0, 'w'}, {"path", 1, 0, 'p'}, {"active", 1, 0, 'a'},
		{"post", 1, 0, 'b'}, {"close", 0, 0, 'c'}, {"browser", 0, 0, 'r'}, {"hold", 0, 0, 'h'}, {"tls", 0, 0, 't'}, {"resume", 0, 0, 'u'}, {0, 0, 0, 0}};
	int c, use_tls = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n') n_conns = atoi(optarg);
		else if (c == 's') seconds = atof(optarg);
		else if (c == 'w') warmup = atof(optarg);
		else if (c == 'p') path = optarg;
		else if (c == 'a') n_active = atoi(optarg);
		else if (c == 'b') post = atoi(optarg);
		else if (c == 'c') use_close = 1;
		else if (c == 'r') browser = 1;
		else if (c == 'h') hold = 1;
		else if (c == 't') use_tls = 1;
		else if (c == 'u') resume = use_tls = 1;
		else exit(2);
	}
	if (optind != argc - 1) fail("one port is needed");
	if (n_active < 1 || n_active > n_conns) n_active = n_conns;
	if (use_tls) tls_setup();
	port = atoi(argv[optind]);
}

static void wait_for_line(void) {
	char line[16];
	printf("ready\n");
	fflush(stdout);
	if (!fgets(line, sizeof line, stdin)) exit(0);
}

int main(int argc, char **argv) {
	uint64_t deadline = now_ns() + STALL_NS * 2, start;
	process_setup();
	parse_args(argc, argv);
	build_request();
	conns = calloc(n_conns, sizeof *conns);
	ep = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < n_conns; i++) conns[i].fd = -1;
	for (ramp(); n_started < n_conns || n_busy; ramp()) {
		turn();
		if (now_ns() > deadline) fail("connections could not be opened in 30 s");
	}
	if (!hold) run_for(warmup);
	wait_for_line();
	if (hold) {
		printf("{\"units\": %lu, \"errors\": %lu}\n", units, errors);
		return 0;
	}
	units = bytes = 0;
	memset(histogram, 0, sizeof histogram);
	start = now_ns();
	n_resumed = 0;
	run_for(seconds);
	if (resume && n_resumed < units) fail("sessions were not resumed");
	printf("{\"units\": %lu, \"errors\": %lu, \"bytes\": %lu, \"seconds\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
		units, errors, bytes, (now_ns() - start) / 1e9, quantile_us(0.5), quantile_us(0.99));
	return 0;
}
