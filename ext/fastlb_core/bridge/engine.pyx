"""The engine as Python sees it: one worker's loop, run with the GIL released.

Knows worker_run and the message socket to control; must not know what the messages say: a callable handles them.
"""

import errno
import os
import resource
import socket
import struct

from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free

from fastlb_core.bridge.builder cimport Program
from fastlb_core.proxy.run cimport (
    RUN_ENDED, RUN_MESSAGE, RUN_MESSAGE_LOST, RUN_TICK, run_result_t, worker_destroy, worker_init, worker_run, worker_start,
    worker_watch_messages,
)
from fastlb_core.proxy.worker cimport worker_t

from fastlb_core.bridge import llhttp

MAX_FRAME = 16 * 1024 * 1024

# The parser inside httptools, with its self-check: no engine without it.
llhttp.resolve()


cdef class Engine:
    """One worker.

    program: what to run; worker: the index of this worker's slots in the arena; message_address: control's message socket
    (an abstract unix address, with its leading NUL) or b"" for none; on_message: called with one frame's payload (bytes),
    returns the answer's payload (bytes).

    Raises OSError when the kernel refuses what the loop needs.
    """

    cdef worker_t* w
    cdef Program program
    cdef bytes message_address
    cdef object on_message
    cdef object channel
    cdef bytearray received
    cdef int index

    def __cinit__(self, Program program, int worker, bytes message_address, on_message):
        self.program = program
        self.index = worker
        self.message_address = message_address
        self.on_message = on_message
        self.channel = None
        self.received = bytearray()
        self.w = <worker_t*> calloc(1, sizeof(worker_t))
        if self.w == NULL:
            raise MemoryError
        max_fds = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if max_fds == resource.RLIM_INFINITY or max_fds > 1 << 22:
            max_fds = 1 << 22
        if not worker_init(self.w, program.ptr, <uint32_t> worker, <uint32_t> max_fds):
            raise OSError(errno.ENOMEM, "the worker's loop cannot be set up")

    def __dealloc__(self):
        if self.w != NULL:
            free(self.w)
            self.w = NULL

    def run(self):
        """Serves until the master asks for the end. Returns 0. Blocks, without the GIL but for messages."""
        cdef run_result_t result
        if not worker_start(self.w):
            raise OSError(errno.EMFILE, "the worker cannot poll its descriptors")
        self._connect()
        while True:
            with nogil:
                result = worker_run(self.w)
            if result == RUN_ENDED:
                break
            if result == RUN_MESSAGE:
                self._serve_messages()
            elif result == RUN_MESSAGE_LOST:
                self._disconnect()
            elif result == RUN_TICK:
                self._connect()
        worker_destroy(self.w)
        return 0

    def _connect(self):
        """Connects to control's message socket, if it is there; otherwise the next tick tries again."""
        if not self.message_address or self.channel is not None:
            return
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            channel.connect(self.message_address)
            hello = b'{"hello": %d, "pid": %d}' % (self.index, os.getpid())
            channel.sendall(struct.pack("<I", len(hello)) + hello)
            channel.setblocking(False)
        except OSError:
            channel.close()
            return
        self.channel = channel
        self.received.clear()
        if not worker_watch_messages(self.w, channel.fileno()):
            self._disconnect()

    def _disconnect(self):
        worker_watch_messages(self.w, -1)
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    def _serve_messages(self):
        """Answers the complete frames that are there: uint32 length, little endian, then the payload."""
        try:
            chunk = self.channel.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._disconnect()
            return
        self.received += chunk
        while len(self.received) >= 4:
            size = int.from_bytes(self.received[:4], "little")
            if size > MAX_FRAME:
                self._disconnect()
                return
            if len(self.received) < 4 + size:
                return
            payload = bytes(self.received[4:4 + size])
            del self.received[:4 + size]
            self._answer(self.on_message(payload))

    def _answer(self, bytes payload):
        # Control reads at once; a worker must not wait long for it. One second bounds a stuck control's harm.
        self.channel.settimeout(1.0)
        try:
            self.channel.sendall(struct.pack("<I", len(payload)) + payload)
            self.channel.setblocking(False)
        except OSError:
            self._disconnect()

    def stats(self):
        """What this worker holds now, as a dict of ints: front connections, streams, buffers, pipes."""
        return {
            "fronts": self.w.n_fronts,
            "streams": self.w.n_streams,
            "buffers": self.w.loop.bufs.n_used,
            "big_buffers": self.w.loop.big_bufs.n_used,
            "pipes": self.w.pipes.n_used,
        }
