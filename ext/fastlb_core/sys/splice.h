/* What splice(2), pipe2(2) and F_SETPIPE_SZ need before <fcntl.h> comes in. */
#ifndef FLB_SPLICE_H
#define FLB_SPLICE_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <unistd.h>
#endif
