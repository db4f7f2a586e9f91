# An intrusive, circular, doubly linked list.
# Knows links only; must not know what they sit in (list_entry gets the offset from its caller) and never allocates.
#
#     head ⇄ a.link ⇄ b.link ⇄ head        empty: head ⇄ head        not in a list: link ⇄ link

from libc.stddef cimport size_t

ctypedef struct list_t:
    list_t* next            # borrowed: the neighbour's link, valid while both are in the list
    list_t* prev            # borrowed: the same, backwards

cdef inline void list_init(list_t* link) noexcept nogil:
    link.next = link
    link.prev = link

cdef inline bint list_is_empty(const list_t* head) noexcept nogil:
    return head.next == head

# True while the (initialised) link stands in some list.
cdef inline bint list_is_linked(const list_t* link) noexcept nogil:
    return link.next != link

# The link must not be in a list.
cdef inline void list_add_tail(list_t* head, list_t* link) noexcept nogil:
    link.prev = head.prev
    link.next = head
    head.prev.next = link
    head.prev = link

# The link must not be in a list.
cdef inline void list_add_head(list_t* head, list_t* link) noexcept nogil:
    link.next = head.next
    link.prev = head
    head.next.prev = link
    head.next = link

# Takes link out and leaves it initialised, so a second list_del does nothing.
cdef inline void list_del(list_t* link) noexcept nogil:
    link.prev.next = link.next
    link.next.prev = link.prev
    link.next = link
    link.prev = link

# NULL when the list is empty.
cdef inline list_t* list_first(list_t* head) noexcept nogil:
    return head.next if head.next != head else NULL

# Takes the first link out; NULL when the list is empty.
cdef inline list_t* list_pop(list_t* head) noexcept nogil:
    cdef list_t* link = head.next
    if link == head:
        return NULL
    list_del(link)
    return link

# Moves everything from `source` to the tail of `head`; `source` is empty afterwards.
cdef inline void list_splice_tail(list_t* head, list_t* source) noexcept nogil:
    if source.next == source:
        return
    source.next.prev = head.prev
    head.prev.next = source.next
    source.prev.next = head
    head.prev = source.prev
    list_init(source)

cdef extern from *:
    """
    #ifndef FLB_LIST_H
    #define FLB_LIST_H
    #include <stddef.h>
    #define flb_list_entry(link, offset) ((void*)((char*)(link) - (offset)))
    #endif
    """
    # The object whose link stands `offset` bytes (offsetof) into it.
    void* list_entry "flb_list_entry" (list_t* link, size_t offset) noexcept nogil
