/* The origin server of the benchmarks: far cheaper than any proxy, so that it never is what is measured.
 *   origin            prints "TCP-PORT UDP-PORT" on 127.0.0.1, then serves until it is killed
 *   GET /N            200 with a body of N bytes
 *   GET /lines        200 with the number of datagrams that reached the UDP port (the log sink), as text
 *   POST anything     reads Content-Length bytes, then answers as GET /64
 * Keep-alive unless the request says "Connection: close". It trusts its clients: not a web server. */
#include "common.h"
#include <ctype.h>

#define HEAD_MAX 4096
#define CHUNK (1 << 20)

typedef struct {
	int fd, closing, n_head;
	long body_in;  /* bytes of a request body still to be discarded */
	long body_out; /* bytes of an answer's body still to be sent */
	char head[HEAD_MAX + 1];
} conn_t;

static char zeros[CHUNK], small[512];
static int ep, n_small;
static unsigned long n_lines;

static void conn_close(conn_t *conn) {
	close(conn->fd);
	free(conn);
}

/* Returns 0 when the whole answer is with the kernel, 1 when the socket is full, -1 when the connection is gone. */
static int send_body(conn_t *conn) {
	while (conn->body_out > 0) {
		ssize_t n = send(conn->fd, zeros, conn->body_out < CHUNK ? conn->body_out : CHUNK, MSG_NOSIGNAL);
		if (n < 0) return errno == EAGAIN ? 1 : -1;
		conn->body_out -= n;
	}
	return 0;
}

static int answer(conn_t *conn, long n_body) {
	char head[256];
	int n;
	if (n_body == 64) return send(conn->fd, small, n_small, MSG_NOSIGNAL) == n_small ? 0 : -1;
	n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: text/plain\r\nContent-Length: %ld\r\n\r\n", n_body);
	if (send(conn->fd, head, n, MSG_NOSIGNAL | MSG_MORE) != n) return -1;
	conn->body_out = n_body;
	return send_body(conn);
}

static int answer_lines(conn_t *conn) {
	char digits[32], msg[256];
	int d = snprintf(digits, sizeof digits, "%lu", n_lines);
	int n = snprintf(msg, sizeof msg, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", d, digits);
	return send(conn->fd, msg, n, MSG_NOSIGNAL) == n ? 0 : -1;
}

/* Handles one complete head of n bytes at conn->head. Returns as send_body. */
static int request(conn_t *conn, int n) {
	char end = conn->head[n], *field;
	int is_post = conn->head[0] == 'P', status = 0;
	conn->head[n] = 0;
	conn->closing = strcasestr(conn->head, "\r\nconnection: close") != NULL;
	if (is_post) {
		field = strcasestr(conn->head, "\r\ncontent-length:");
		conn->body_in = field ? atol(field + 17) : 0;
	}
	field = strchr(conn->head, '/');
	conn->head[n] = end;
	if (is_post) return conn->body_in ? 0 : answer(conn, 64);
	if (!strncmp(field, "/lines", 6)) return answer_lines(conn);
	status = answer(conn, atol(field + 1));
	return status;
}

/* The body bytes that arrived with the head. */
static int take_body(conn_t *conn) {
	int n = conn->n_head < conn->body_in ? conn->n_head : (int)conn->body_in;
	conn->body_in -= n;
	conn->n_head -= n;
	memmove(conn->head, conn->head + n, conn->n_head);
	return conn->body_in ? 0 : answer(conn, 64);
}

/* Serves the requests in the buffer. Returns as send_body. */
static int serve(conn_t *conn) {
	char *end;
	int n, status;
	while (!conn->body_in && !conn->body_out && conn->n_head && (end = memmem(conn->head, conn->n_head, "\r\n\r\n", 4))) {
		n = end + 4 - conn->head;
		if ((status = request(conn, n)) < 0) return -1;
		conn->n_head -= n;
		memmove(conn->head, conn->head + n, conn->n_head);
		if (conn->body_in && conn->n_head && take_body(conn) < 0) return -1;
		if (conn->closing && !conn->body_in && !conn->body_out) return -1;
	}
	return conn->n_head == HEAD_MAX ? -1 : 0;
}

static int on_readable(conn_t *conn) {
	ssize_t n;
	for (;;) {
		if (conn->body_in) { /* MSG_TRUNC: the kernel drops the bytes, nothing is copied */
			n = recv(conn->fd, zeros, conn->body_in < CHUNK ? conn->body_in : CHUNK, MSG_TRUNC);
			if (n > 0 && !(conn->body_in -= n)) {
				if (answer(conn, 64) < 0 || conn->closing) return -1;
			}
		} else {
			int room = HEAD_MAX - conn->n_head;
			n = recv(conn->fd, conn->head + conn->n_head, room, 0);
			if (n > 0) {
				conn->n_head += n;
				if (serve(conn) < 0) return -1;
				if (n < room && !conn->body_in) return 0;
			}
		}
		if (n == 0) return -1;
		if (n < 0) return errno == EAGAIN ? 0 : -1;
	}
}

static void on_event(conn_t *conn, unsigned events) {
	if (conn->body_out && (events & EPOLLOUT)) {
		int status = send_body(conn);
		if (status < 0 || (status == 0 && (conn->closing || serve(conn) < 0))) {
			conn_close(conn);
			return;
		}
	}
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && on_readable(conn) < 0) conn_close(conn);
}

static void on_accept(int listener) {
	int fd;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		conn_t *conn = calloc(1, sizeof *conn);
		set_nodelay(fd);
		conn->fd = fd;
		watch(ep, fd, conn);
	}
}

static int open_sink(int *port) {
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = 4 << 20;
	struct sockaddr_in addr = loopback(0);
	socklen_t len = sizeof addr;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	if (bind(fd, (void *)&addr, sizeof addr) || getsockname(fd, (void *)&addr, &len)) die("udp");
	*port = ntohs(addr.sin_port);
	return fd;
}

static void drain_sink(int fd) {
	static struct mmsghdr msgs[64];
	static struct iovec iov = {.iov_base = zeros, .iov_len = 1}; /* the text is dropped; `zeros` is never read as text */
	int n;
	for (n = 0; n < 64; n++) msgs[n].msg_hdr = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1};
	while ((n = recvmmsg(fd, msgs, 64, MSG_DONTWAIT, NULL)) > 0) n_lines += n;
}

int main(void) {
	int tcp_port = 0, udp_port = 0, listener, sink;
	struct epoll_event events[256];
	process_setup();
	memset(zeros, 'x', sizeof zeros);
	n_small = snprintf(small, sizeof small, "HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n\r\n%.64s", zeros);
	listener = listen_on(&tcp_port);
	sink = open_sink(&udp_port);
	ep = epoll_create1(EPOLL_CLOEXEC);
	watch(ep, listener, &listener);
	watch(ep, sink, &sink);
	printf("%d %d\n", tcp_port, udp_port);
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(ep, events, 256, -1);
		for (int i = 0; i < n; i++) {
			void *ptr = events[i].data.ptr;
			if (ptr == &listener) on_accept(listener);
			else if (ptr == &sink) drain_sink(sink);
			else on_event(ptr, events[i].events);
		}
	}
}
