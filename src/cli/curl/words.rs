//! The words of a line, as bash splits them.
//!
//! `shell-words` knows what all shells share. What it does not know is `$'…'`, in which browsers put a body with quotes or
//! line ends in it: that is decoded here first, and put in plain quotes.

use super::CurlError;

pub(super) fn split(line: &str) -> Result<Vec<String>, CurlError> {
    if line.contains("^\"") || line.contains("^\n") || line.contains("`\n") {
        let message = "this is for the Windows command line: copy the request \"as cURL (bash)\"";
        return Err(CurlError::Words(message.to_owned()));
    }
    shell_words::split(&in_plain_quotes(line)?)
        .map_err(|_unclosed| CurlError::Words("a quote is not closed".to_owned()))
}

/// The line with every `$'…'` as `'…'`.
fn in_plain_quotes(line: &str) -> Result<String, CurlError> {
    let mut plain = String::with_capacity(line.len());
    let mut quote = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (None, '$') if rest.as_str().starts_with('\'') => {
                rest.next();
                plain.push_str(&shell_words::quote(&decoded(&mut rest)?));
                continue;
            }
            (None | Some('"'), '\\') => {
                plain.push(c);
                plain.extend(rest.next());
                continue;
            }
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
        plain.push(c);
    }
    Ok(plain)
}

/// What stands up to the closing quote, with bash's escapes (ANSI-C quoting) decoded.
fn decoded(rest: &mut std::str::Chars<'_>) -> Result<String, CurlError> {
    let wrong = |message: &str| CurlError::Words(message.to_owned());
    let mut bytes = Vec::new();
    loop {
        let c = rest.next().ok_or_else(|| wrong("a quote is not closed"))?;
        let escaped = match c {
            '\'' => break,
            '\\' => rest.next().ok_or_else(|| wrong("a quote is not closed"))?,
            _ => {
                bytes.extend(c.to_string().bytes());
                continue;
            }
        };
        match escaped {
            'n' => bytes.push(b'\n'),
            't' => bytes.push(b'\t'),
            'r' => bytes.push(b'\r'),
            'a' => bytes.push(7),
            'b' => bytes.push(8),
            'e' | 'E' => bytes.push(27),
            'f' => bytes.push(12),
            'v' => bytes.push(11),
            '\\' | '\'' | '"' | '?' => bytes.push(escaped as u8),
            'x' => bytes.push(number(rest, 16, 2) as u8),
            'u' | 'U' => {
                let code = number(rest, 16, if escaped == 'u' { 4 } else { 8 });
                let c = char::from_u32(code).ok_or_else(|| wrong("`\\u` names no character"))?;
                bytes.extend(c.to_string().bytes());
            }
            '0'..='7' => {
                let first = escaped.to_digit(8).unwrap_or(0);
                let places = rest
                    .as_str()
                    .chars()
                    .take(2)
                    .take_while(|c| c.is_digit(8))
                    .count();
                let more = number(rest, 8, 2);
                bytes.push((first * 8_u32.pow(places as u32) + more) as u8);
            }
            other => bytes.extend(format!("\\{other}").bytes()),
        }
    }
    String::from_utf8(bytes)
        .map_err(|_no_text| wrong("a body that is no UTF-8 cannot be explained"))
}

/// Up to `most` digits, zero if there is none.
fn number(rest: &mut std::str::Chars<'_>, radix: u32, most: usize) -> u32 {
    let mut number = 0;
    for _ in 0..most {
        let Some(digit) = rest.as_str().chars().next().and_then(|c| c.to_digit(radix)) else {
            break;
        };
        rest.next();
        number = number * radix + digit;
    }
    number
}
