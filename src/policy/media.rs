//! What the head says of a body: its media type, as far as keys can be made of it, and how it is coded.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use mediatype::MediaType;

use super::content::NoValue;
use super::fields::{field_lines, text};
use super::head::Fields;

/// A kind of body that keys can be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`, or a type whose name ends with `+json` (RFC 6839 §3.1).
    Json,
    /// `application/x-www-form-urlencoded`
    Urlencoded,
    /// `multipart/form-data` (RFC 7578)
    Multipart {
        /// What stands between the parts.
        boundary: String,
    },
}

/// How a body is coded (RFC 9110 §8.4.1, RFC 7932, RFC 8878).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Identity,
    /// `gzip`, `x-gzip`
    Gzip,
    /// `deflate`: zlib's format, or what browsers take for it, too, the bare one within.
    Deflate,
    /// `br`
    Brotli,
    /// `zstd`
    Zstd,
}

/// What a body is, if keys can be made of it.
pub fn media(fields: &Fields) -> Result<Media, NoValue> {
    let mut lines = field_lines(fields, CONTENT_TYPE.as_str());
    let line = lines.next().ok_or(NoValue::NoMediaType)?;
    if lines.next().is_some() {
        return Err(NoValue::MediaTypeTwice);
    }
    let text = text(line).unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default();
    match &*essence.trim().to_ascii_lowercase() {
        "" => Err(NoValue::NoMediaType),
        "application/json" => Ok(Media::Json),
        "application/x-www-form-urlencoded" => Ok(Media::Urlencoded),
        "multipart/form-data" => boundary(text).map(|boundary| Media::Multipart { boundary }),
        json if json.ends_with("+json") => Ok(Media::Json),
        _ => Err(NoValue::OtherType),
    }
}

/// RFC 2046 §5.1.1: up to 70 characters that can stand in a line, no space at the end. Two of them leave open which it is.
fn boundary(media_type: &str) -> Result<String, NoValue> {
    let media_type = MediaType::parse(media_type);
    let media_type = media_type.ok().ok_or(NoValue::NoBoundary)?;
    let named = media_type.params.iter();
    let mut named = named.filter(|(name, _)| name.as_str().eq_ignore_ascii_case("boundary"));
    let (Some((_, boundary)), None) = (named.next(), named.next()) else {
        return Err(NoValue::NoBoundary);
    };
    let boundary = boundary.unquoted_str().into_owned();
    let is_char = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    let is_one = (1..=70).contains(&boundary.len())
        && boundary.bytes().all(is_char)
        && !boundary.ends_with(' ');
    is_one.then_some(boundary).ok_or(NoValue::NoBoundary)
}

/// How a body is coded, if that can be undone.
pub fn coding(fields: &Fields) -> Result<Coding, NoValue> {
    let mut coding = Coding::Identity;
    for line in field_lines(fields, CONTENT_ENCODING.as_str()) {
        let line = text(line).ok_or(NoValue::UnknownCoding)?;
        for token in line.split(',') {
            let one = match &*token.trim().to_ascii_lowercase() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Coding::Gzip,
                "deflate" => Coding::Deflate,
                "br" => Coding::Brotli,
                "zstd" => Coding::Zstd,
                _ => return Err(NoValue::UnknownCoding),
            };
            if coding != Coding::Identity {
                return Err(NoValue::SeveralCodings);
            }
            coding = one;
        }
    }
    Ok(coding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn headers(lines: &[(&'static str, &'static str)]) -> Fields {
        let lines = lines.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        lines.collect()
    }

    #[test]
    fn a_body_is_what_its_media_type_says() {
        let of = |value| media(&headers(&[("content-type", value)]));
        for json in [
            "application/json",
            " Application/JSON ; charset=utf-8",
            "application/json;",
            "application/vnd.api+json",
            "application/merge-patch+json; x=\"a;b\"",
        ] {
            assert_eq!(of(json), Ok(Media::Json), "{json}");
        }
        for other in ["text/plain", "application/jsonx", "json", "application/xml"] {
            assert_eq!(of(other), Err(NoValue::OtherType), "{other}");
        }
        let urlencoded = "application/x-www-form-urlencoded;charset=UTF-8";
        assert_eq!(of(urlencoded), Ok(Media::Urlencoded));
        let multipart = |boundary: &str| {
            let boundary = boundary.to_owned();
            Ok(Media::Multipart { boundary })
        };
        for (value, boundary) in [
            (
                "multipart/form-data; boundary=----WebKitFormBoundary7x",
                "----WebKitFormBoundary7x",
            ),
            (
                "Multipart/Form-Data;charset=utf-8;BOUNDARY=\"a b:c\"",
                "a b:c",
            ),
        ] {
            assert_eq!(of(value), multipart(boundary), "{value}");
        }
        for none in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"a \"",
            "multipart/form-data; boundary=a; boundary=b",
            "multipart/form-data; boundary=\"a\\\"b\"",
        ] {
            assert_eq!(of(none), Err(NoValue::NoBoundary), "{none}");
        }
        assert_eq!(media(&headers(&[])), Err(NoValue::NoMediaType));
        let json = ("content-type", "application/json");
        assert_eq!(media(&headers(&[json, json])), Err(NoValue::MediaTypeTwice));
        let nominated = headers(&[json, ("connection", "content-type")]);
        assert_eq!(media(&nominated), Err(NoValue::NoMediaType));
    }

    #[test]
    fn one_coding_is_known_and_identity_is_none() {
        let of = |lines: &[&'static str]| {
            let lines = lines.iter().map(|line| ("content-encoding", *line));
            coding(&headers(&lines.collect::<Vec<_>>()))
        };
        assert_eq!(of(&[]), Ok(Coding::Identity));
        assert_eq!(of(&["identity", ""]), Ok(Coding::Identity));
        for (name, known) in [
            ("GZip", Coding::Gzip),
            ("x-gzip, identity", Coding::Gzip),
            ("deflate", Coding::Deflate),
            ("br", Coding::Brotli),
            ("zstd", Coding::Zstd),
        ] {
            assert_eq!(of(&[name]), Ok(known), "{name}");
        }
        assert_eq!(of(&["compress"]), Err(NoValue::UnknownCoding));
        assert_eq!(of(&["gzip, br"]), Err(NoValue::SeveralCodings));
        assert_eq!(of(&["gzip", "gzip"]), Err(NoValue::SeveralCodings));
    }
}
