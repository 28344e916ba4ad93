//! One text for each number, however it is written in JSON, and for each text that is such a number.
//!
//! Whole numbers are exact as far as 64 bits go. Others are what most readers take them for, IEEE doubles, in the shortest
//! form that is read back as the same one.

use std::borrow::Cow;

/// Digits that 64 bits hold, whatever they are, but for zeros at the ends.
const DIGITS: usize = 19;

/// The bounds between which a double that is whole is written with all its digits.
const WHOLE: std::ops::Range<f64> = -9_223_372_036_854_775_808.0..18_446_744_073_709_551_616.0;

/// Beyond these a double has an exponent.
const PLAIN: std::ops::Range<f64> = 1e-7..1e21;

pub(super) fn of_double(number: f64) -> String {
    if number.fract() == 0.0 && WHOLE.contains(&number) {
        // Both casts are exact within the bounds; -0 becomes 0.
        return if number < 0.0 {
            (number as i64).to_string()
        } else {
            (number as u64).to_string()
        };
    }
    if PLAIN.contains(&number.abs()) {
        number.to_string()
    } else {
        format!("{number:e}")
    }
}

/// What a text is to a key: that of the number that it is, or itself. A longer number than 64 bits hold is more likely a
/// name, and stays what it is, so that two of them are not merged.
pub(super) fn of_text(text: &str) -> Cow<'_, str> {
    let number = is_number(text).then(|| number(text)).flatten();
    number.map_or(Cow::Borrowed(text), Cow::Owned)
}

fn number(text: &str) -> Option<String> {
    if text == "-0" {
        return Some("0".to_owned());
    }
    if !text.contains(['.', 'e', 'E']) {
        // Without leading zeros and signs that say nothing, it is canonical as it stands.
        return None;
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_matches('0').len();
    let number: f64 = text.parse().ok()?;
    (number.is_finite() && digits <= DIGITS).then(|| of_double(number))
}

/// RFC 8259 §6.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| -> usize { text.bytes().take_while(u8::is_ascii_digit).count() };
    let rest = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.starts_with('0')) {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let count = digits(exponent);
        return count > 0 && count == exponent.len();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_number_are_one_text() {
        for (spellings, text) in [
            (&["7", "7.0", "7e0", "70E-1", "0.7e+1"][..], "7"),
            (&["-0", "0", "0.0", "-0e5"], "0"),
            (&["-7.50", "-75e-1"], "-7.5"),
            (&["1e18", "1000000000000000000.0"], "1000000000000000000"),
            (&["1e-9", "0.000000001"], "1e-9"),
            (&["1e300", "10E299"], "1e300"),
        ] {
            for spelling in spellings {
                assert_eq!(of_text(spelling), text, "{spelling}");
            }
        }
    }

    #[test]
    fn what_is_no_number_or_too_long_for_one_stays_what_it_is() {
        for text in [
            "",
            "-",
            "007",
            "+7",
            " 7",
            "7 ",
            "7.",
            ".7",
            "7e",
            "1e400",
            "0x7",
            "NaN",
            "7_0",
            "18446744073709551615",
            "18446744073709551616",
            "123456789012345678901234567890",
            "1234567890123456789.5e0",
            "12e4f",
            "é7",
        ] {
            assert_eq!(of_text(text), text);
        }
    }

    proptest! {
        #[test]
        fn a_text_is_what_the_double_in_it_is(number: f64) {
            prop_assume!(number.is_finite());
            let text = of_double(number);
            prop_assert_eq!(text.parse::<f64>().unwrap(), number);
            let spelled = of_text(&format!("{number:e}")).into_owned();
            prop_assert_eq!(spelled, text);
        }

        #[test]
        fn a_whole_number_is_exact_and_its_own_text(number: u64) {
            let text = number.to_string();
            prop_assert_eq!(of_text(&text), text.as_str());
        }
    }
}
