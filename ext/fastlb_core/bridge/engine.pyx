"""The engine as Python sees it: one worker's loop, run with the GIL released.

Knows worker_run and the message socket to control; must not know what the messages say: a callable handles them.
"""

import errno
import resource
import socket
import struct

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from fastlb_core.bridge.builder cimport Program
from fastlb_core.bridge.contents cimport put_value, take_value
from fastlb_core.bridge.sessions cimport leave_server, list_bad_messages, list_streams, shut_streams
from fastlb_core.lb.server cimport srv_t
from fastlb_core.program.changes cimport changes_reset, changes_t
from fastlb_core.program.sample cimport VARS_PROC, eval_t, sample_t
from fastlb_core.program.vars cimport var_get, var_set, var_unset
from fastlb_core.proxy.bad_message cimport bad_messages_seen
from fastlb_core.proxy.run cimport (
    RUN_CHANGES, RUN_ENDED, RUN_MESSAGE, RUN_MESSAGE_LOST, RUN_QUESTIONS, RUN_TICK, run_result_t, worker_destroy, worker_init,
    worker_know_servers, worker_run, worker_start, worker_watch_messages,
)
from fastlb_core.proxy.questions cimport question_answer, question_answer_none
from fastlb_core.proxy.worker cimport worker_t

from fastlb_core.bridge import llhttp

MAX_FRAME = 16 * 1024 * 1024

# The parser inside httptools, with its self-check: no engine without it.
llhttp.resolve()


cdef class Engine:
    """One worker.

    program: what to run; worker: the index of this worker's slots in the arena; message_address: control's message socket
    (an abstract unix address, with its leading NUL) or b"" for none. The last four make frames' payloads (bytes).
    on_message: the answer to one payload, b"" for none. on_connect: the first ones, once control is there. on_changes: one
    that tells what rules have logged (contents.read_changes). on_questions: one that asks what rules have asked
    (contents.read_questions).

    Raises OSError when the kernel refuses what the loop needs.
    """

    cdef worker_t* w
    cdef Program program
    cdef bytes message_address
    cdef object on_message
    cdef object on_connect
    cdef object on_changes
    cdef object on_questions
    cdef object channel
    cdef bytearray received
    cdef int index

    def __cinit__(self, Program program, int worker, bytes message_address, on_message, on_connect, on_changes,
                  on_questions):
        self.program = program
        self.index = worker
        self.message_address = message_address
        self.on_message = on_message
        self.on_connect = on_connect
        self.on_changes = on_changes
        self.on_questions = on_questions
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
            elif result == RUN_CHANGES:
                self._tell_changes()
            elif result == RUN_QUESTIONS:
                self._ask()
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
            channel.settimeout(1.0)
            for payload in self.on_connect():
                channel.sendall(struct.pack("<I", len(payload)) + payload)
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
        question_answer_none(self.w)
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
            answer = self.on_message(payload)
            if answer:
                self._send(answer)
            if self.channel is None:
                return

    def _tell_changes(self):
        cdef bytes log = self.w.changes.bytes[:self.w.changes.len]
        changes_reset(&self.w.changes)
        self._send(self.on_changes(log))

    def _ask(self):
        cdef bytes log = self.w.questions.bytes[:self.w.questions.len]
        changes_reset(&self.w.questions)
        self._send(self.on_questions(log))

    def answer(self, number, bytes address):
        """Control's answer to the question with that number: an address of 4 or 16 bytes, or b""."""
        question_answer(self.w, number, <const uint8_t*> <const char*> address, <uint32_t> len(address))

    def _send(self, bytes payload):
        # Control reads at once; a worker must not wait long for it. One second bounds a stuck control's harm.
        self.channel.settimeout(1.0)
        try:
            self.channel.sendall(struct.pack("<I", len(payload)) + payload)
            self.channel.setblocking(False)
        except OSError:
            self._disconnect()

    def set_variable(self, slot, value):
        """Sets a variable of the scope `proc` to a contents.Value, or unsets it (None); that is no change to tell."""
        cdef changes_t* changes = self.w.proc_vars.changes
        cdef eval_t ev
        cdef sample_t smp
        memset(&ev, 0, sizeof(ev))
        ev.vars[<int> VARS_PROC] = &self.w.proc_vars
        self.w.proc_vars.changes = NULL
        if value is None:
            var_unset(&ev, VARS_PROC, slot)
        else:
            put_value(&smp, value)
            var_set(&ev, VARS_PROC, slot, &smp, 0)
        self.w.proc_vars.changes = changes

    def variable(self, slot):
        """The contents.Value of a variable of the scope `proc`, or None."""
        cdef eval_t ev
        cdef sample_t smp
        memset(&ev, 0, sizeof(ev))
        memset(&smp, 0, sizeof(smp))
        ev.vars[<int> VARS_PROC] = &self.w.proc_vars
        return take_value(&smp) if var_get(&ev, VARS_PROC, slot, &smp) else None

    def sessions(self, start, most):
        """What `show sess` may tell of up to `most` streams behind the first `start` (sessions.pyx)."""
        return list_streams(self.w, start, most)

    def bad_messages(self, start, most):
        """What `show errors` may tell of up to `most` proxies from index `start` on (sessions.pyx), and how many there were."""
        return list_bad_messages(self.w, start, most), bad_messages_seen()

    def shut_session(self, id):
        """Ends the stream with that id; how many there were."""
        return shut_streams(self.w, id, NULL)

    def shut_server_sessions(self, server):
        """Ends all streams of a server, by its index; how many there were."""
        return shut_streams(self.w, 0, self._server(server))

    def know_servers(self):
        """Servers have been added: this worker's part of them. Raises MemoryError."""
        if not worker_know_servers(self.w):
            raise MemoryError("no memory for a server")

    def leave_server(self, server):
        """Lets go of what is kept for a server that is about to go. How many streams use it: then nothing was done."""
        return leave_server(self.w, self._server(server))

    cdef srv_t* _server(self, server) except NULL:
        if not 0 <= server < self.program.ptr.n_servers:
            raise IndexError(server)
        return self.program.ptr.servers[<uint32_t> server]

    def stats(self):
        """What this worker holds now, as a dict of ints: front connections, streams, buffers, pipes."""
        return {
            "fronts": self.w.n_fronts,
            "streams": self.w.n_streams,
            "buffers": self.w.loop.bufs.n_used,
            "big_buffers": self.w.loop.big_bufs.n_used,
            "pipes": self.w.pipes.n_used,
        }
