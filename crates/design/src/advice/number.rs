//! Numbers in sentences: four significant digits, in powers of ten where they are very small or large.

/// x with four significant digits and no zeros at the end; as m·10^e below 1e-3 and from 1e5 on.
pub(crate) fn significant(x: f64) -> String {
    let scientific = format!("{x:.3e}");
    let exponent: i32 = scientific.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    let trimmed = |text: &str| {
        let short = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
        short.to_owned()
    };
    if (-3..5).contains(&exponent) {
        return trimmed(&format!("{x:.*}", (3 - exponent).max(0) as usize));
    }
    let (digits, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    format!("{}e{power}", trimmed(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits_at_every_size() {
        for (x, expected) in [
            (0.0, "0"),
            (0.45, "0.45"),
            (1.0 / 750.0, "0.001333"),
            (2e-7, "2e-7"),
            (1e300, "1e300"),
            (-1.23456, "-1.235"),
            (9.99999e-4, "0.001"),
            (12_345.0, "12345"),
            (99_999.9, "1e5"),
            (1e5, "1e5"),
            (100.0, "100"),
        ] {
            assert_eq!(significant(x), expected);
        }
    }
}
