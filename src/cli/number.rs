//! Sizes as people write them.

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
    use super::size;

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
