"""HTTP dates (RFC 9110 §5.6.7). Catalog times are milliseconds, HTTP counts whole seconds."""

import calendar
import re
import time
from email.utils import formatdate
from functools import lru_cache

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CLOCK = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_MONTH = r"(?P<month>[A-Z][a-z]{2})"
_FORMS = (
    # IMF-fixdate, then the two obsolete forms that a recipient still has to read
    re.compile(rf"[A-Z][a-z]{{2}}, (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_CLOCK} GMT"),
    re.compile(rf"[A-Z][a-z]{{5,8}}, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_CLOCK} GMT"),
    re.compile(rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[ \d]\d) {_CLOCK} (?P<year>\d{{4}})"),
)


@lru_cache(maxsize=4096)
def http_date(milliseconds: int) -> str:
    """Return milliseconds since 1970 as an IMF-fixdate, the part below a second cut off.

    >>> http_date(784111777999)
    'Sun, 06 Nov 1994 08:49:37 GMT'
    """
    return formatdate(milliseconds // 1000, usegmt=True)


def parse_http_date(text: str) -> int | None:
    """Return the seconds since 1970 that a date in one of HTTP's three forms names, else None."""
    for form in _FORMS:
        found = form.fullmatch(text.strip()) if text.isascii() else None
        if found and found["month"] in _MONTHS:
            return _seconds(found)
    return None


def _seconds(found: re.Match[str]) -> int | None:
    year, month = int(found["year"]), _MONTHS.index(found["month"]) + 1
    if len(found["year"]) == 2:
        # RFC 9110: a two-digit year more than 50 years ahead is the most recent past one.
        this_year = time.gmtime().tm_year
        year += this_year - this_year % 100
        year -= 100 if year > this_year + 50 else 0
    day, hour, minute, second = (int(found[part]) for part in ("day", "hour", "minute", "second"))
    if year < 1 or not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    if hour > 23 or minute > 59 or second > 60:
        return None
    return calendar.timegm((year, month, day, hour, minute, second))
