/* What splice(2), pipe2(2) and F_SETPIPE_SZ need before <fcntl.h> comes in: Python's headers define _GNU_SOURCE, others may not. */
#ifndef FLB_SPLICE_H
#define FLB_SPLICE_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <unistd.h>
#endif
