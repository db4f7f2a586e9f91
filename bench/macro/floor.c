/* The floor: what the kernel alone charges for a relay. Parses nothing, reports nothing, serves as the lower bound in the charts.
 *   floor MODE LISTEN-PORT ORIGIN-PORT
 *   relay    each client gets an origin connection of its own; one recv and one send per message, no buffer kept
 *   oneshot  one request and one answer, then both connections are closed
 *   splice   as relay, but bytes go socket -> pipe -> socket; pipes of 1 MiB
 * It gives up on whatever a real proxy must handle (a short send of a small message, a slow reader, a dead origin). */
#include "common.h"

#define PIPE_SIZE (1 << 20)

typedef struct side {
	int fd;
	int pipe_in, pipe_out; /* owned, splice mode only: what this side sent, on its way to the other */
	long n_piped;
	struct side *peer;     /* owned together: one malloc of two holds both sides; NULL until connected (oneshot) */
	struct side *pair;     /* start of that block */
	int is_dead;
} side_t;

enum { RELAY, ONESHOT, SPLICE };
static int mode, ep, origin_port;
static char buffer[1 << 18];
static side_t *graveyard[4096];
static int n_graves;

/* Both sides go; the memory only after the loop turn, since later events of this turn may point to it. */
static void kill_pair(side_t *side) {
	side_t *pair = side->pair;
	if (pair->is_dead) return;
	for (int i = 0; i < 2; i++) {
		if (pair[i].fd >= 0) close(pair[i].fd);
		if (pair[i].pipe_in) close(pair[i].pipe_in), close(pair[i].pipe_out);
		pair[i].is_dead = 1;
	}
	graveyard[n_graves++] = pair;
}

static void open_pipe(side_t *side) {
	int p[2];
	if (pipe2(p, O_NONBLOCK | O_CLOEXEC)) die("pipe2");
	fcntl(p[1], F_SETPIPE_SZ, PIPE_SIZE);
	side->pipe_out = p[0];
	side->pipe_in = p[1];
}

static int connect_origin(side_t *back) {
	back->fd = connect_to(origin_port);
	if (back->fd < 0) return -1;
	watch(ep, back->fd, back);
	return 0;
}

static void on_oneshot(side_t *side) {
	ssize_t n = recv(side->fd, buffer, sizeof buffer, 0);
	if (n < 0 && errno == EAGAIN) return;
	if (n > 0 && side == side->pair) { /* the request; connect on loopback is over when it returns, so send at once */
		if (side->peer->fd < 0 && connect_origin(side->peer) == 0 && send(side->peer->fd, buffer, n, MSG_NOSIGNAL) == n) return;
	} else if (n > 0) {
		send(side->peer->fd, buffer, n, MSG_NOSIGNAL);
	}
	kill_pair(side);
}

static void on_relay(side_t *side) {
	ssize_t n = recv(side->fd, buffer, sizeof buffer, 0);
	if (n < 0 && errno == EAGAIN) return;
	if (n <= 0 || send(side->peer->fd, buffer, n, MSG_NOSIGNAL) != n) kill_pair(side);
}

/* Moves what can be moved from one side to the other. Returns -1 when the connection is over. */
static int pump(side_t *from) {
	for (;;) {
		ssize_t n;
		if (!from->n_piped) {
			n = splice(from->fd, NULL, from->pipe_in, NULL, PIPE_SIZE, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
			if (n <= 0) return n < 0 && errno == EAGAIN ? 0 : -1;
			from->n_piped = n;
		}
		n = splice(from->pipe_out, NULL, from->peer->fd, NULL, from->n_piped, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
		if (n <= 0) return n < 0 && errno == EAGAIN ? 0 : -1;
		from->n_piped -= n;
	}
}

static void on_splice(side_t *side, unsigned events) {
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && pump(side) < 0) kill_pair(side);
	else if ((events & EPOLLOUT) && side->peer->n_piped && pump(side->peer) < 0) kill_pair(side);
}

static void on_accept(int listener) {
	int fd;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		side_t *pair = calloc(2, sizeof *pair);
		pair[0].fd = fd;
		pair[1].fd = -1;
		pair[0].peer = &pair[1];
		pair[1].peer = &pair[0];
		pair[0].pair = pair[1].pair = pair;
		if (mode == SPLICE) open_pipe(&pair[0]), open_pipe(&pair[1]);
		if (mode != ONESHOT) {
			set_nodelay(fd);
			if (connect_origin(&pair[1])) die("connect");
		}
		watch(ep, fd, &pair[0]);
	}
}

int main(int argc, char **argv) {
	struct epoll_event events[256];
	int port, listener;
	if (argc != 4) return fprintf(stderr, "usage: floor relay|oneshot|splice LISTEN-PORT ORIGIN-PORT\n"), 2;
	mode = argv[1][0] == 'r' ? RELAY : argv[1][0] == 'o' ? ONESHOT : SPLICE;
	port = atoi(argv[2]);
	origin_port = atoi(argv[3]);
	process_setup();
	ep = epoll_create1(EPOLL_CLOEXEC);
	listener = listen_on(&port);
	watch(ep, listener, NULL);
	for (;;) {
		int n = epoll_wait(ep, events, 256, -1);
		for (int i = 0; i < n; i++) {
			side_t *side = events[i].data.ptr;
			if (!side) on_accept(listener);
			else if (side->is_dead) continue;
			else if (mode == SPLICE) on_splice(side, events[i].events);
			else if (!(events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
			else if (mode == RELAY) on_relay(side);
			else on_oneshot(side);
		}
		while (n_graves) free(graveyard[--n_graves]);
	}
}
