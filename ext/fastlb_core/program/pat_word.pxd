# Patterns that are whole words of a sample: subdirectories and parts of domain names.

from fastlb_core.program.pat_store cimport pat_store_ops_t

# PAT_M_DIR and PAT_M_DOM. borrowed (static)
cdef const pat_store_ops_t* pat_word_ops() noexcept nogil
