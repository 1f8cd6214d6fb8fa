"""What one value means: missing marks, numbers, words, times.

Every function here looks at one value at a time. So a column that was read as whole numbers in training and comes as
text in a chunk of a prediction file gives identical values in both.
"""

from __future__ import annotations

import polars as pl

#: Texts that stand for "no value" (those of pandas but for "None", which real tables use as a category, and "?").
MISSING = (
    "", "?", "NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "-nan", "-NaN", "null", "NULL", "Null", "#N/A", "<NA>",
)  # fmt: skip
TRUE, FALSE = "true", "false"
#: Digits of one width with leading zeros are codes from this width on; "01" to "12" are months.
CODE_DIGITS = 3

#: Whole numbers up to here are exact in float64.
_FLOAT64_WHOLE = 2**53
#: From here on, and below, Python and its kin write a number with an exponent: there "1e+20" is a plain spelling.
_FIRST_EXPONENT, _LAST_DECIMAL = 1e16, 1e-4
_LONG_KEY = r"^\d{19,}$"
_EXPONENT = r"^-?[1-9](?:\.\d+)?[eE][+-]?\d+$"
_ISO_TIME = (
    r"^(?<year>\d{4})[-/](?<month>\d{1,2})[-/](?<day>\d{1,2})"
    r"(?:[ T](?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2}(?:\.\d+)?))?)?"
    r"\s?(?<zone>Z|UTC|[+-]\d{2}:?\d{2})?$"
)
_ISO_START = r"^\d{4}[-/]\d{1,2}[-/]\d{1,2}"
#: Whole numbers from here on are seconds, and from the second on milliseconds, since 1970 (both: after March 1973).
_EPOCH_S, _EPOCH_MS = 10**8, 10**11
_MICROSECONDS = 1_000_000


def clean_text(text: pl.Series) -> pl.Series:
    """Text without blanks around it, null where it was a missing mark."""
    stripped = text.str.strip_chars()
    return stripped.set(stripped.is_in(MISSING), None)


def as_numbers(values: pl.Series) -> pl.Series:
    """Float64: what is no finite number is null; true is 1 and false is 0; times are seconds since 1970."""
    if values.dtype == pl.String:
        text = clean_text(values)
        numbers = text.cast(pl.Float64, strict=False)
        if numbers.null_count() > text.null_count():
            low = text.str.to_lowercase()
            truth = pl.select(pl.when(low == TRUE).then(1.0).when(low == FALSE).then(0.0)).to_series()
            numbers = numbers.zip_with(numbers.is_not_null(), truth)
    elif values.dtype.is_temporal():
        numbers = _seconds(values)
    else:
        numbers = values.cast(pl.Float64, strict=False)
    return numbers.set(~numbers.is_finite(), None).rename(values.name)


def as_words(values: pl.Series) -> pl.Series:
    """String: one spelling for each value, so that 3, 3.0 and " 3" are one word, True and "true" too.

    Text that is written as no computer writes its number ("007", "1e5", "+3", 20 digits) is a word of its own.
    """
    if values.dtype == pl.String:
        words = _words_of_text(clean_text(values))
    elif values.dtype == pl.Boolean or values.dtype.is_integer():
        words = values.cast(pl.String)
    elif values.dtype.is_temporal():
        words = _words_of_times(as_times(values))
    else:
        words = _words_of_floats(as_numbers(values))
    return words.rename(values.name)


def as_times(values: pl.Series) -> pl.Series:
    """Datetime in microseconds, in UTC where a zone is given, null where there is no date.

    Text is read as ISO 8601 (2024-02-29, 2024/2/29 13:45, 2024-02-29T13:45:00.5+02:00). Whole numbers are years
    (1000 to 2999), days like 20240229, or seconds or milliseconds since 1970.
    """
    if values.dtype == pl.String:
        text = clean_text(values)
        times = _parse_iso(text)
        numbers = text.cast(pl.Float64, strict=False)
        if numbers.null_count() < text.len():
            times = times.zip_with(times.is_not_null(), _times_of_numbers(numbers))
    elif isinstance(values.dtype, pl.Datetime):
        times = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if values.dtype.time_zone else values
    elif values.dtype == pl.Date:
        times = values
    elif values.dtype.is_numeric():
        times = _times_of_numbers(as_numbers(values))
    else:
        times = pl.repeat(None, values.len(), dtype=pl.Datetime("us"), eager=True)
    return times.cast(pl.Datetime("us")).rename(values.name)


def cast_text(text: pl.Series) -> pl.Series:
    """A whole column of cleaned text as Int64, Float64, Boolean, Date or Datetime, where all its values are such.

    Numbers stay text where one of them would become another word ("007"), so that both have the same `as_words`.
    """
    known = text.drop_nulls()
    if known.is_empty():
        return text
    first = known.head(200)  # most columns of words are settled by their first rows
    if _is_all(first.cast(pl.Float64, strict=False)):
        return _cast_digits(text)
    if first.str.to_lowercase().is_in([TRUE, FALSE]).all():
        low = text.str.to_lowercase()
        return low == TRUE if low.drop_nulls().is_in([TRUE, FALSE]).all() else text
    if first.str.contains(_ISO_START).all() and _is_all(_parse_iso(known)):
        times = _parse_iso(text)
        return times.cast(pl.Date) if (known.str.len_bytes() <= len("2024-02-29")).all() else times
    return text


def is_whole_number(numbers: pl.Series) -> pl.Series:
    """Whether each number is whole, and small enough that float64 would show if it were not; null stays null."""
    return (numbers == numbers.round()) & (numbers.abs() < _FLOAT64_WHOLE)


def are_numbers(known: pl.Series) -> bool:
    """Whether all these texts are numbers, and neither codes with leading zeros nor keys too long for Int64."""
    return (
        known.cast(pl.Float64, strict=False).is_finite().fill_null(False).all()
        and not is_code(known)
        and not known.str.contains(_LONG_KEY).any()
    )


def is_code(known: pl.Series) -> bool:
    """Whether these texts are digits of one width, three or more, and some begin with 0."""
    width = known.str.len_bytes()
    return bool(
        width.min() == width.max()
        and width[0] >= CODE_DIGITS
        and known.str.contains("^[0-9]+$").all()
        and known.str.starts_with("0").any()
        and known.n_unique() > 1
    )


def _cast_digits(text: pl.Series) -> pl.Series:
    whole = text.cast(pl.Int64, strict=False)
    if whole.null_count() == text.null_count() and (whole.cast(pl.String) == text).all():
        return whole
    numbers = text.cast(pl.Float64, strict=False)
    if numbers.null_count() > text.null_count():
        return text
    words = _words_of_floats(numbers)
    is_open = (words != text) & (numbers.cast(pl.String) != text) & numbers.is_finite()  # few, and slow to tell
    if not (words.filter(is_open) == _words_of_text(text.filter(is_open))).all():
        return text
    return whole if whole.null_count() == text.null_count() else numbers


def _is_all(values: pl.Series) -> bool:
    return values.null_count() == 0


def _seconds(values: pl.Series) -> pl.Series:
    if values.dtype == pl.Time:
        return values.to_physical().cast(pl.Float64) / 1e9
    if isinstance(values.dtype, pl.Duration):
        return values.dt.total_microseconds(fractional=True) / _MICROSECONDS
    return as_times(values).to_physical().cast(pl.Float64) / _MICROSECONDS


def _words_of_floats(numbers: pl.Series) -> pl.Series:
    return numbers.cast(pl.String).str.strip_suffix(".0").replace("-0", "0")


def _words_of_text(text: pl.Series) -> pl.Series:
    """Numbers, truth words and ISO times in one spelling, all other text as it is."""
    numbers = text.cast(pl.Float64, strict=False)
    numbers = numbers.set(~numbers.is_finite(), None)
    words = text
    if numbers.null_count() < numbers.len():
        spelled = _words_of_floats(numbers)
        plain = text.str.replace(r"^(-?)\.", "${1}0.").str.replace(r"^(-?\d+)\.0*$", "$1")
        plain = plain.str.replace(r"(\.\d*[1-9])0+$", "$1").replace("-0", "0")
        size = numbers.abs()
        is_far = ((size >= _FIRST_EXPONENT) | (size < _LAST_DECIMAL)) & (size > 0)
        is_written = (plain == spelled) | (is_far & text.str.contains(_EXPONENT))
        words = spelled.zip_with(is_written.fill_null(False), words)
    low = text.str.to_lowercase()
    words = low.zip_with(low.is_in([TRUE, FALSE]).fill_null(False), words)
    if text.str.contains(_ISO_START).any():
        times = _parse_iso(text)
        words = _words_of_times(times).zip_with(times.is_not_null(), words)
    return words


def _words_of_times(times: pl.Series) -> pl.Series:
    is_day = (times.dt.truncate("1d") == times).fill_null(False)
    return times.dt.strftime("%Y-%m-%d").zip_with(is_day, times.dt.strftime("%Y-%m-%d %H:%M:%S%.f"))


def _parse_iso(text: pl.Series) -> pl.Series:
    parts = text.str.extract_groups(_ISO_TIME).struct.unnest()
    zone = pl.col("zone").str.replace(":", "")
    offset_minutes = (
        (zone.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + zone.str.slice(3, 2).cast(pl.Int64, strict=False))
        * pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    ).fill_null(0)
    day = pl.format("{}-{}-{}", "year", "month", "day").str.to_date("%Y-%m-%d", strict=False)
    minutes = pl.col("hour").cast(pl.Int64).fill_null(0) * 60 + pl.col("minute").cast(pl.Int64).fill_null(0)
    seconds = pl.col("second").cast(pl.Float64).fill_null(0.0)
    is_clock = (minutes < 24 * 60) & (pl.col("minute").cast(pl.Int64).fill_null(0) < 60) & (seconds < 60)
    passed = (minutes - offset_minutes) * 60 * _MICROSECONDS + (seconds * _MICROSECONDS).round().cast(pl.Int64)
    time = day.cast(pl.Datetime("us")) + pl.duration(microseconds=passed)
    return parts.select(pl.when(is_clock).then(time).alias(text.name)).to_series()


def _times_of_numbers(numbers: pl.Series) -> pl.Series:
    value = pl.col("value")
    is_day_number = (value >= 1000_01_01) & (value <= 2999_12_31)
    day = value.cast(pl.Int64, strict=False).cast(pl.String).str.to_date("%Y%m%d", strict=False)
    year = pl.date(value.cast(pl.Int32, strict=False).clip(1, 9999), 1, 1)
    moment = pl.Datetime("us")
    time = (
        pl.when((value >= 1000) & (value < 3000))
        .then(year.cast(moment))
        .when(is_day_number & day.is_not_null())
        .then(day.cast(moment))
        .when((value >= _EPOCH_MS) & (value < _EPOCH_MS * 1000))
        .then((value * 1e3).cast(pl.Int64, strict=False).cast(moment))
        .when((value >= _EPOCH_S) & (value < _EPOCH_MS))
        .then((value * 1e6).cast(pl.Int64, strict=False).cast(moment))
    )
    return numbers.rename("value").to_frame().select(time).to_series()
