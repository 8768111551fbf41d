"""Exit statuses (sysexits.h), and which of the API's errors gets which."""

from __future__ import annotations

OK = 0
DECLINED = 1  # asked, and answered with no: sysexits.h has no number for that
USAGE = 64
DATAERR = 65
NOUSER = 67
UNAVAILABLE = 69
SOFTWARE = 70
TEMPFAIL = 75
NOPERM = 77
CONFIG = 78
INTERRUPTED = 130  # by the terminal, as a shell counts SIGINT

_BY_CODE = {"account-needed": USAGE, "no-such-recipient": NOUSER}
_BY_HTTP_STATUS = {401: NOPERM, 403: NOPERM, 429: TEMPFAIL, 500: SOFTWARE}


def of_problem(http_status: int, code: str) -> int:
    """The exit status of an API error: by its code, else by its HTTP status; 5xx may work later."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    return _BY_HTTP_STATUS.get(http_status, TEMPFAIL if http_status >= 500 else DATAERR)
