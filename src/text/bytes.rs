//! The one way to print a size, and to read one.

use std::fmt;

/// A number of bytes, printed with three significant digits in decimal units (`1.24 GB`), as
/// registries and disks count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
        if self.0 < 1000 {
            return f.pad(&format!("{} B", self.0));
        }
        let mut value = self.0 as f64 / 1000.0;
        let mut unit = 0;
        // 999.5 would print as `1000`.
        while value >= 999.5 && unit + 1 < UNITS.len() {
            value /= 1000.0;
            unit += 1;
        }
        let digits = if value < 9.995 {
            2
        } else if value < 99.95 {
            1
        } else {
            0
        };
        f.pad(&format!("{value:.digits$} {}", UNITS[unit]))
    }
}

/// `500`, `20GB`, `512MiB`: decimal and binary units, no fractions.
pub fn size(s: &str) -> Result<u64, String> {
    let end = s.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(s.len());
    let (digits, unit) = s.split_at(end);
    let number: u64 = digits
        .parse()
        .map_err(|_| "expected a number of bytes, such as 500000000, 20GB or 512MiB".to_owned())?;
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => {
            return Err(format!("`{unit}` is no unit of size (kB, MB, GB, KiB, MiB, GiB)"));
        }
    };
    number.checked_mul(factor).ok_or_else(|| "too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_no_thousand() {
        for (n, s) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (9_996, "10.0 kB"),
            (99_960, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (1_240_000_000, "1.24 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(Bytes(n).to_string(), s);
        }
    }

    #[test]
    fn reads_units() {
        assert_eq!(size("20GB"), Ok(20_000_000_000));
        assert_eq!(size("512MiB"), Ok(512 << 20));
        assert_eq!(size("7"), Ok(7));
        for bad in ["", "GB", "1.5GB", "1 parsec", "99999999999999999999", "99999999TiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
