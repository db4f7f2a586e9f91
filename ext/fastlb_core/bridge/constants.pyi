"""The core's enumerations by the words of the configuration."""

CAPS: dict[str, int]
MODES: dict[str, int]
HTTP_MODES: dict[str, int]
REUSE: dict[str, int]
LOG_KINDS: dict[str, int]
LOG_SINKS: dict[str, int]
LOG_STEPS: dict[str, int]
LOG_FORMATS: dict[str, int]
OPTIONS: dict[str, int]
SERVER_FLAGS: dict[str, int]
LISTENER_FLAGS: dict[str, int]
RULE_SETS: dict[str, int]
ACL_METHODS: dict[str, int]
ERROR_STATUSES: tuple[int, ...]
REGEX_ICASE: int
REGEX_CAPTURE: int
