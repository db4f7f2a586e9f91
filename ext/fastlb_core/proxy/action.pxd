# What actions have in common: what follows from a rewrite that failed.
#
# Knows `strict-mode`. Must not know any action.

from fastlb_core.program.rules cimport ACT_CONT, ACT_ERROR, act_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.stream cimport STRM_F_LAX, stream_t

# The verdict of an action that had to change a message. With `strict-mode off` a failure is passed over.
cdef inline act_t act_rewrote(eval_t* ev, bint has_changed) noexcept nogil:
    if has_changed or (<stream_t*> ev.strm).flags & STRM_F_LAX:
        return ACT_CONT
    return ACT_ERROR
