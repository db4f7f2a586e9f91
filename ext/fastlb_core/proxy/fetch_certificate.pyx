# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# Sample fetches of certificates (manual, section 7.3.4): ssl_c_* of the client's, ssl_f_* of our own that the client got,
# ssl_s_* of the server's. One function each for all three, x509_*: the row's name says whose, as their first argument.
#
# Knows X.509 fields and how HAProxy writes them. Must not know verification (fetch_tls.pyx). A certificate that is not there
# has no value.

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, strlen

from fastlb_core.net.conn cimport conn_t
from fastlb_core.net.tls cimport tls_of, tls_t
from fastlb_core.program.expr cimport ARG_SINT, ARG_STR, arg_t, fetch_entry_t, fetch_fn
from fastlb_core.program.sample cimport (
    SMP_T_BIN, SMP_T_STR, eval_t, sample_t, scratch_rest, scratch_take, smp_set_int, smp_set_own, smp_set_str,
)
from fastlb_core.sys.libssl cimport (
    ASN1_OBJECT, ASN1_STRING, ASN1_STRING_get0_data, ASN1_STRING_length, ASN1_STRING_type, ASN1_TIME, BIO,
    BIO_free, BIO_get_mem_data, BIO_new, BIO_s_mem, EVP_PKEY, EVP_PKEY_get_base_id, EVP_sha1, OBJ_nid2sn, OBJ_obj2nid,
    OBJ_obj2txt, SSL_get0_peer_certificate, SSL_get_certificate, SSL_get_peer_cert_chain, V_ASN1_GENERALIZEDTIME, X509,
    X509_ALGOR_get0, X509_NAME, X509_NAME_ENTRY, X509_NAME_ENTRY_get_data, X509_NAME_ENTRY_get_object,
    X509_NAME_entry_count, X509_NAME_get_entry, X509_NAME_print_ex, X509_digest, X509_get0_notAfter, X509_get0_notBefore,
    X509_get0_pubkey, X509_get0_serialNumber, X509_get0_tbs_sigalg, X509_get_issuer_name, X509_get_subject_name,
    X509_get_version, XN_FLAG_RFC2253, i2d_X509, sk_X509_num, sk_X509_value, stack_x509,
)

cdef enum:
    MAX_ENTRIES = 11
    OID_TEXT = 80                # characters of an object identifier without a name
    SHA1_BYTES = 20

cdef enum:                       # whose certificate, as config/samples/fetch_tls.py says it
    CLIENTS = 0
    SERVERS = 1
    OWN = 2

cdef fetch_entry_t[MAX_ENTRIES] entries
cdef uint32_t n_entries = 0

ctypedef const ASN1_TIME* (*time_fn)(const X509* cert) noexcept nogil


cdef const fetch_entry_t* fetch_certificate_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


# -- whose

cdef tls_t* _tls(eval_t* ev, const arg_t* side) noexcept nogil:
    cdef conn_t* conn = ev.back if side.num == SERVERS else ev.front
    return tls_of(conn) if conn != NULL else NULL


cdef X509* _cert(eval_t* ev, const arg_t* side) noexcept nogil:
    cdef tls_t* tls = _tls(ev, side)
    if tls == NULL:
        return NULL
    return SSL_get_certificate(tls.ssl) if side.num == OWN else SSL_get0_peer_certificate(tls.ssl)


# -- what

cdef bint _append_der(eval_t* ev, X509* cert, char** start, uint32_t* length) noexcept nogil:
    """Writes the certificate behind what stands at `start` in the scratch area."""
    cdef int n = i2d_X509(cert, NULL)
    cdef char* room = scratch_take(ev, <uint32_t> n) if n > 0 else NULL
    cdef uint8_t* at = <uint8_t*> room
    if room == NULL or i2d_X509(cert, &at) != n:
        return False
    if start[0] == NULL:
        start[0] = room
    length[0] += <uint32_t> n
    return True


cdef bint x509_der(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef X509* cert = _cert(ev, &args[0])
    cdef char* start = NULL
    cdef uint32_t length = 0
    return cert != NULL and _append_der(ev, cert, &start, &length) and smp_set_own(smp, SMP_T_BIN, start, length, length)


cdef bint x509_chain_der(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _tls(ev, &args[0])
    cdef stack_x509* chain = SSL_get_peer_cert_chain(tls.ssl) if tls != NULL else NULL
    cdef char* start = NULL
    cdef uint32_t length = 0
    cdef int i
    if chain == NULL:
        return False
    for i in range(sk_X509_num(chain)):
        if not _append_der(ev, sk_X509_value(chain, i), &start, &length):
            return False
    return start != NULL and smp_set_own(smp, SMP_T_BIN, start, length, length)


cdef bint x509_serial(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef X509* cert = _cert(ev, &args[0])
    cdef const ASN1_STRING* number
    if cert == NULL:
        return False
    number = <const ASN1_STRING*> X509_get0_serialNumber(cert)
    smp_set_str(smp, <const char*> ASN1_STRING_get0_data(number), <uint32_t> ASN1_STRING_length(number))
    smp.type = SMP_T_BIN
    return True


cdef bint x509_sha1(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef X509* cert = _cert(ev, &args[0])
    cdef char* room = scratch_take(ev, SHA1_BYTES) if cert != NULL else NULL
    cdef unsigned int length = SHA1_BYTES
    return room != NULL and X509_digest(cert, EVP_sha1(), <uint8_t*> room, &length) == 1 \
        and smp_set_own(smp, SMP_T_BIN, room, length, SHA1_BYTES)


cdef bint _name_of_id(sample_t* smp, int nid) noexcept nogil:
    cdef const char* name = OBJ_nid2sn(nid)
    return name != NULL and smp_set_str(smp, name, <uint32_t> strlen(name))


cdef bint x509_key_alg(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef X509* cert = _cert(ev, &args[0])
    cdef EVP_PKEY* key = X509_get0_pubkey(cert) if cert != NULL else NULL
    return key != NULL and _name_of_id(smp, EVP_PKEY_get_base_id(key))


cdef bint x509_sig_alg(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef X509* cert = _cert(ev, &args[0])
    cdef const ASN1_OBJECT* object = NULL
    if cert == NULL:
        return False
    X509_ALGOR_get0(&object, NULL, NULL, X509_get0_tbs_sigalg(cert))
    return _name_of_id(smp, OBJ_obj2nid(object))


cdef bint _time(X509* cert, time_fn fn, sample_t* smp) noexcept nogil:
    """YYMMDDhhmmssZ, of a year in four digits the last two."""
    cdef const ASN1_STRING* moment
    cdef int skipped
    if cert == NULL:
        return False
    moment = <const ASN1_STRING*> fn(cert)
    skipped = 2 if ASN1_STRING_type(moment) == V_ASN1_GENERALIZEDTIME else 0
    if ASN1_STRING_length(moment) <= skipped:
        return False
    return smp_set_str(smp, <const char*> ASN1_STRING_get0_data(moment) + skipped,
                       <uint32_t> (ASN1_STRING_length(moment) - skipped))


cdef bint x509_version(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef X509* cert = _cert(ev, &args[0])
    return cert != NULL and smp_set_int(smp, X509_get_version(cert) + 1)


# -- distinguished names

cdef const char* _entry_name(const X509_NAME_ENTRY* entry, char* buffer) noexcept nogil:
    """`CN`, or the numbers of an identifier that has no name."""
    cdef const ASN1_OBJECT* object = X509_NAME_ENTRY_get_object(entry)
    cdef const char* name = OBJ_nid2sn(OBJ_obj2nid(object)) if OBJ_obj2nid(object) else NULL
    if name == NULL:
        OBJ_obj2txt(buffer, OID_TEXT, object, 1)
        return buffer
    return name


cdef bint _is_named(const char* name, const arg_t* wanted) noexcept nogil:
    cdef uint32_t i
    if strlen(name) != wanted.str.len:
        return False
    for i in range(wanted.str.len):
        if (name[i] | 0x20) != (wanted.str.ptr[i] | 0x20):
            return False
    return True


cdef bint _one_entry(X509_NAME* name, const arg_t* wanted, int64_t occurrence, sample_t* smp) noexcept nogil:
    """The value of the nth entry of that name, from the end where n is negative."""
    cdef int n = X509_NAME_entry_count(name)
    cdef int64_t left = 1 if occurrence == 0 else occurrence if occurrence > 0 else -occurrence
    cdef char buffer[OID_TEXT]
    cdef X509_NAME_ENTRY* entry
    cdef ASN1_STRING* value
    cdef int i
    for i in range(n):
        entry = X509_NAME_get_entry(name, i if occurrence >= 0 else n - 1 - i)
        if not _is_named(_entry_name(entry, buffer), wanted):
            continue
        left -= 1
        if left == 0:
            value = X509_NAME_ENTRY_get_data(entry)
            return smp_set_str(smp, <const char*> ASN1_STRING_get0_data(value), <uint32_t> ASN1_STRING_length(value))
    return False


cdef bint _all_entries(eval_t* ev, X509_NAME* name, sample_t* smp) noexcept nogil:
    """`/C=FR/O=example/CN=www`."""
    cdef char buffer[OID_TEXT]
    cdef uint32_t room = 0, at = 0, length
    cdef char* text = scratch_rest(ev, &room)
    cdef X509_NAME_ENTRY* entry
    cdef const char* label
    cdef ASN1_STRING* value
    cdef int i
    for i in range(X509_NAME_entry_count(name)):
        entry = X509_NAME_get_entry(name, i)
        label = _entry_name(entry, buffer)
        value = X509_NAME_ENTRY_get_data(entry)
        length = <uint32_t> strlen(label)
        if at + length + 2 + <uint32_t> ASN1_STRING_length(value) > room:
            return False
        text[at] = b'/'
        memcpy(text + at + 1, label, length)
        at += length + 1
        text[at] = b'='
        memcpy(text + at + 1, ASN1_STRING_get0_data(value), <size_t> ASN1_STRING_length(value))
        at += 1 + <uint32_t> ASN1_STRING_length(value)
    return scratch_take(ev, at) != NULL and smp_set_own(smp, SMP_T_STR, text, at, at)


cdef bint _rfc2253(eval_t* ev, X509_NAME* name, sample_t* smp) noexcept nogil:
    cdef BIO* bio = BIO_new(BIO_s_mem())
    cdef char* text = NULL
    cdef char* room = NULL
    cdef long length
    if bio == NULL:
        return False
    if X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0:
        length = BIO_get_mem_data(bio, &text)
        room = scratch_take(ev, <uint32_t> length)
        if room != NULL:
            memcpy(room, text, <size_t> length)
            smp_set_own(smp, SMP_T_STR, room, <uint32_t> length, <uint32_t> length)
    BIO_free(bio)
    return room != NULL


cdef bint _name(eval_t* ev, X509* cert, bint is_issuer, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef X509_NAME* name
    if cert == NULL:
        return False
    name = X509_get_issuer_name(cert) if is_issuer else X509_get_subject_name(cert)
    if args[0].type == ARG_STR and args[0].str.len:
        return _one_entry(name, &args[0], args[1].num if args[1].type == ARG_SINT else 1, smp)
    if args[0].type == ARG_STR and args[1].type == ARG_SINT and args[2].type == ARG_STR and args[2].str.len:
        return _rfc2253(ev, name, smp)
    return _all_entries(ev, name, smp)


# -- what comes in two kinds. The side stands before the other arguments.

cdef bint x509_notafter(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _time(_cert(ev, &args[0]), X509_get0_notAfter, smp)


cdef bint x509_notbefore(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _time(_cert(ev, &args[0]), X509_get0_notBefore, smp)


cdef bint x509_i_dn(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _name(ev, _cert(ev, &args[0]), True, &args[1], smp)


cdef bint x509_s_dn(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _name(ev, _cert(ev, &args[0]), False, &args[1], smp)


# -- the table

cdef void _entry(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


_entry(b"x509_der", x509_der)
_entry(b"x509_chain_der", x509_chain_der)
_entry(b"x509_serial", x509_serial)
_entry(b"x509_sha1", x509_sha1)
_entry(b"x509_key_alg", x509_key_alg)
_entry(b"x509_sig_alg", x509_sig_alg)
_entry(b"x509_version", x509_version)
_entry(b"x509_notafter", x509_notafter)
_entry(b"x509_notbefore", x509_notbefore)
_entry(b"x509_i_dn", x509_i_dn)
_entry(b"x509_s_dn", x509_s_dn)
