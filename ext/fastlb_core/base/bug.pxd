# Invariants of the core that must hold even in a release build.
# Knows nothing of what it guards. Must not be used for anything that input from the network can bring about:
# a failed check ends the worker.

cdef extern from *:
    """
    #ifndef FLB_BUG_H
    #define FLB_BUG_H
    #include <unistd.h>
    #include <stdlib.h>
    #include <string.h>
    static void __attribute__((cold, noinline, noreturn, unused)) flb_bug_die(const char* what)
    {
        static const char head[] = "fastlb: a check of the core failed, this is a bug: ";
        if (write(2, head, sizeof head - 1) < 0 || write(2, what, strlen(what)) < 0 || write(2, "\\n", 1) < 0)
            abort();
        abort();
    }
    #define flb_bug_on(cond) do { if (__builtin_expect(!!(cond), 0)) flb_bug_die(#cond); } while (0)
    #define flb_likely(cond) __builtin_expect(!!(cond), 1)
    #define flb_unlikely(cond) __builtin_expect(!!(cond), 0)
    #ifndef FLB_DEBUG
    #define FLB_DEBUG 0
    #endif
    #endif
    """
    # Prints the (C) text of cond and aborts when it is true. In every build.
    void flb_bug_on(bint cond) noexcept nogil
    # Branch hints; both return the truth of cond.
    bint flb_likely(bint cond) noexcept nogil
    bint flb_unlikely(bint cond) noexcept nogil
    # 1 in `make debug`, else 0.
    const bint FLB_DEBUG
