"""Finds llhttp's functions inside httptools' extension module and hands them to http/h1.

Knows dlopen and httptools' file; must not know how heads are parsed. Importing this module resolves and checks them, once a
process; fastlb does not start when that fails.
"""

from libc.string cimport memset
from posix.dlfcn cimport RTLD_NOW, dlerror, dlopen, dlsym

from fastlb_core.http.h1 cimport h1_bind
from fastlb_core.sys.llhttp cimport llhttp_api_t, llhttp_settings_t, llhttp_t

cdef extern from "<dlfcn.h>" nogil:
    int RTLD_NOLOAD

ctypedef void (*init_f)(llhttp_t*, int, const llhttp_settings_t*) noexcept nogil
ctypedef int (*execute_f)(llhttp_t*, const char*, size_t) noexcept nogil
ctypedef int (*errno_f)(const llhttp_t*) noexcept nogil
ctypedef const char* (*text_f)(const llhttp_t*) noexcept nogil
ctypedef void (*switch_f)(llhttp_t*, int) noexcept nogil


cdef void* symbol(void* handle, const char* name) except NULL:
    """The address of a function; ImportError where httptools does not export it."""
    cdef void* address = dlsym(handle, name)
    if address == NULL:
        raise ImportError(
            f"fastlb: httptools does not export {name.decode()}; fastlb needs httptools 0.9 (pip install 'httptools>=0.9,<0.10')"
        )
    return address


def resolve() -> None:
    """Bind llhttp's functions and run the self-check on fixed messages.

    Blocks for some microseconds. Raises ImportError, saying what is missing, when the installed httptools does not
    carry llhttp in the layout that fastlb knows.
    """
    import httptools.parser.parser

    cdef llhttp_api_t api
    cdef bytes path = httptools.parser.parser.__file__.encode()
    cdef void* handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD)
    cdef const char* wrong = dlerror()
    if handle == NULL:
        # RTLD_NOLOAD leaves no message where the file is right but not loaded.
        why = wrong.decode() if wrong != NULL else "it is not loaded"
        raise ImportError(f"fastlb: cannot open httptools' parser: {why}")
    memset(&api, 0, sizeof(api))
    api.init = <init_f> symbol(handle, b"llhttp_init")
    api.execute = <execute_f> symbol(handle, b"llhttp_execute")
    api.get_errno = <errno_f> symbol(handle, b"llhttp_get_errno")
    api.get_error_pos = <text_f> symbol(handle, b"llhttp_get_error_pos")
    api.get_error_reason = <text_f> symbol(handle, b"llhttp_get_error_reason")
    api.set_lenient_headers = <switch_f> symbol(handle, b"llhttp_set_lenient_headers")
    api.set_lenient_optional_cr_before_lf = <switch_f> symbol(handle, b"llhttp_set_lenient_optional_cr_before_lf")
    wrong = h1_bind(&api)
    if wrong != NULL:
        raise ImportError(
            f"fastlb: llhttp inside httptools {httptools.__version__} behaves differently than expected ({wrong.decode()});"
            " fastlb needs httptools 0.9 (pip install 'httptools>=0.9,<0.10')"
        )
