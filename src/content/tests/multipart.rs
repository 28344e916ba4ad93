//! Forms in parts.

use super::*;

pub(super) const TYPE: &str = "multipart/form-data; boundary=XX";

pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let parts = fields.iter().map(|(name, value)| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    parts.collect::<String>() + "--XX--\r\n"
}

fn found(body: impl AsRef<[u8]>) -> String {
    keys("{form:id}", TYPE, body)
}

#[test]
fn a_field_is_found_beside_files() {
    let file = "--XX\r\nContent-Disposition: form-data; name=\"id\"; filename=\"a b.txt\"\r\n\
                Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nOQ==\r\n--XY\r\n\r\n";
    assert_eq!(
        found(file.to_owned() + &form(&[("x", "1"), ("id", "A b"), ("id", "\r\n--X\r\n")])),
        "%0D%0A--x%0D%0A a%20b"
    );
    for head in [
        "content-disposition:form-data;name=id",
        "Content-Disposition: form-data; name=id ",
        "Content-Disposition: Form-Data; Name=\"id\"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit",
        "X: \r\nContent-Disposition: form-data; name=\"id\" ",
    ] {
        assert_eq!(
            found(format!("--XX\r\n{head}\r\n\r\n7\r\n--XX--")),
            "7",
            "{head}"
        );
    }
    assert!(found("--XX--\r\n").ends_with("nothing there that names a resource"));
}

#[test]
fn what_could_be_read_in_two_ways_has_no_value() {
    let whole = form(&[("id", "7")]);
    let part = |head: &str| format!("--XX\r\n{head}\r\n\r\n7\r\n--XX--\r\n");
    let named = "Content-Disposition: form-data; name=\"id\"";
    for body in [
        format!("preamble\r\n{whole}"),
        format!("{whole}epilogue"),
        format!("\r\n{whole}"),
        whole.replace("\r\n", "\n"),
        whole.replace("--XX--\r\n", ""),
        whole.replace("--XX--", "--XX"),
        whole.replace("--XX--", "--XXX--"),
        whole.replace("--XX\r\n", "--XX \r\n"),
        whole.replace("7\r\n", "7\r\n--XX7\r\n"),
        whole.replace("\r\n\r\n", "\r\n"),
        part(&format!("{named}; name=\"x\"")),
        part(&format!("{named}\r\n{named}")),
        part(&format!("{named}; name*=utf-8''x")),
        part(&format!("{named};")),
        part(&named.replace("form-data; ", "")),
        part(&named.replace("form-data", "attachment")),
        part(&named.replace(": ", " : ")),
        part(&named.replace("name", "\r\n name")),
        part(&named.replace("id\"", "id\\\"")),
        part("Content-Disposition: form-data; filename=\"x\""),
        part(&format!(
            "{named}\r\nContent-Transfer-Encoding: quoted-printable"
        )),
        part(&format!("{named}\r\nX\nY: z")),
        part("Content-Type: text/plain"),
        String::from("--XX"),
        String::from("--XX\r\n"),
    ] {
        let told = found(&body);
        assert!(
            told.ends_with("its body is not well-formed multipart/form-data"),
            "{body:?}: {told}"
        );
    }
}

proptest! {
    #[test]
    fn no_part_panics(head in "[ -~\r\n]{0,60}", content in "[ -~\r\n]{0,20}") {
        found(format!("--XX\r\n{head}\r\n\r\n{content}\r\n--XX--\r\n"));
        found(format!("--XX\r\nContent-Disposition: form-data; name={head}\r\n\r\n{content}\r\n--XX--\r\n"));
    }
}
