//! Sizes, times and rates as people write them.

pub use crate::text::bytes::size;

/// `90s`, `30m`, `12h`, `7d`, `4w`.
pub fn duration(s: &str) -> Result<std::time::Duration, String> {
    let wrong = || format!("`{s}` is no time such as 90s, 30m, 12h, 7d or 4w");
    let unit = s.chars().last().ok_or_else(wrong)?;
    let number: u64 = s.strip_suffix(unit).and_then(|n| n.parse().ok()).ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(seconds).map(std::time::Duration::from_secs).ok_or_else(wrong)
}

/// A day (`2026-05-01`), or how long ago (`30d`), as seconds since 1970.
pub fn moment(s: &str) -> Result<i64, String> {
    if let Ok(day) = s.parse::<jiff::civil::Date>() {
        let start = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|e| e.to_string())?;
        return Ok(start.timestamp().as_second());
    }
    let ago = duration(s)
        .map_err(|_| format!("`{s}` is no day such as 2026-05-01, nor a time such as 30d"))?;
    Ok(jiff::Timestamp::now().as_second() - i64::try_from(ago.as_secs()).unwrap_or(i64::MAX))
}

/// More than none.
pub fn rate(s: &str) -> Result<f64, String> {
    match s.parse::<f64>() {
        Ok(n) if n > 0.0 && n.is_finite() => Ok(n),
        _ => Err("expected a number above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, moment};
    use std::time::Duration;

    #[test]
    fn reads_times() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2w"), Ok(Duration::from_secs(1_209_600)));
        for bad in ["", "s", "5", "1y", "-1d", "99999999999999999999s", "9999999999999999w", "é"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(moment("2026-05-01"), Ok(1_777_593_600));
        assert!(moment("yesterday").is_err());
    }
}
