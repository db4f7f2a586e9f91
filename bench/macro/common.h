/* What origin.c, load.c and floor.c share: sockets on 127.0.0.1, the fd limit, a clock.
 * Knows nothing of HTTP or of any proxy. Header only, so that each program stays one gcc command. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline void die(const char *what) {
	perror(what);
	exit(1);
}

static inline uint64_t now_ns(void) {
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec;
}

static inline struct sockaddr_in loopback(int port) {
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	return addr;
}

static inline void set_nodelay(int fd) {
	int one = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* Binds and listens; port 0 takes a free one. Returns the socket, non-blocking; the port is stored in *port. */
static inline int listen_on(int *port) {
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in addr = loopback(*port);
	socklen_t len = sizeof addr;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (void *)&addr, sizeof addr) || listen(fd, 4096) || getsockname(fd, (void *)&addr, &len)) die("listen");
	*port = ntohs(addr.sin_port);
	return fd;
}

/* Starts a connect without waiting. Returns the socket, or -1 with errno. */
static inline int connect_to(int port) {
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in addr = loopback(port);
	if (fd < 0) return -1;
	set_nodelay(fd);
	if (connect(fd, (void *)&addr, sizeof addr) && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

/* One registration per socket for its whole life: both directions, edge-triggered. */
static inline void watch(int ep, int fd, void *ptr) {
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = ptr};
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev)) die("epoll_ctl");
}

/* As many files as allowed, no SIGPIPE, and death with the parent, so that a killed benchmark leaves nothing behind. */
static inline void process_setup(void) {
	struct rlimit lim;
	getrlimit(RLIMIT_NOFILE, &lim);
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}
#endif
