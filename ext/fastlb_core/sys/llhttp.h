/* llhttp as httptools 0.9 carries it (llhttp 9.3): the two structs, the functions fastlb calls, and room for larger ones.
 * Written from observation of the exported functions; bridge/llhttp resolves them and http/h1 checks at import that
 * the layout still holds. Must not be mixed with llhttp's own header.
 */
#ifndef FLB_LLHTTP_H
#define FLB_LLHTTP_H
#include <stddef.h>
#include <stdint.h>

typedef struct llhttp_s {
    int32_t index;
    void *span_pos0;
    void *span_cb0;
    int32_t error;
    const char *reason;
    const char *error_pos;
    void *data;
    void *current;
    uint64_t content_length;
    uint8_t type;
    uint8_t method;
    uint8_t http_major;
    uint8_t http_minor;
    uint8_t header_state;   /* which well-known name llhttp saw; 0 makes it treat the value as any other */
    uint16_t lenient_flags;
    uint8_t upgrade;
    uint8_t finish;
    uint16_t flags;
    uint16_t status_code;
    uint8_t initial_message_completed;
    void *settings;
} llhttp_t;

/* What a parser is given: 96 bytes today, more in case a future llhttp grows. */
typedef union llhttp_room {
    llhttp_t parser;
    char room[192];
} llhttp_room_t;

typedef int (*llhttp_cb_t)(llhttp_t *);
typedef int (*llhttp_data_cb_t)(llhttp_t *, const char *, size_t);

typedef struct llhttp_settings {
    llhttp_cb_t on_message_begin;
    llhttp_data_cb_t on_protocol;
    llhttp_data_cb_t on_url;
    llhttp_data_cb_t on_status;
    llhttp_data_cb_t on_method;
    llhttp_data_cb_t on_version;
    llhttp_data_cb_t on_header_field;
    llhttp_data_cb_t on_header_value;
    llhttp_data_cb_t on_chunk_extension_name;
    llhttp_data_cb_t on_chunk_extension_value;
    llhttp_cb_t on_headers_complete;
    llhttp_data_cb_t on_body;
    llhttp_cb_t on_message_complete;
    void *rest[32];         /* zero: callbacks that are not used, and those of a future llhttp */
} llhttp_settings_t;

enum { LLHTTP_REQUEST = 1, LLHTTP_RESPONSE = 2 };
enum { LLHTTP_OK = 0, LLHTTP_PAUSED = 21, LLHTTP_USER = 24 };

typedef struct llhttp_api {
    void (*init)(llhttp_t *, int, const llhttp_settings_t *);
    int (*execute)(llhttp_t *, const char *, size_t);
    int (*get_errno)(const llhttp_t *);
    const char *(*get_error_pos)(const llhttp_t *);
    const char *(*get_error_reason)(const llhttp_t *);
    void (*set_lenient_headers)(llhttp_t *, int);
    void (*set_lenient_optional_cr_before_lf)(llhttp_t *, int);
} llhttp_api_t;
#endif
