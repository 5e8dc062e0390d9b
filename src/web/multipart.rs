//! Parses forms with a file (`multipart/form-data`, RFC 7578), as sent by browsers. The whole body is in memory: its
//! size is already limited.

/// A field of the form.
#[derive(Debug, PartialEq, Eq)]
pub struct Part<'a> {
    pub name: &'a str,
    /// The content: text or a file.
    pub bytes: &'a [u8],
}

/// The maximum number of fields.
const PARTS_AT_MOST: usize = 16;

/// The fields of a body with this `Content-Type`; `None` if it is not such a form, or incomplete.
pub fn read<'a>(content_type: &str, body: &'a [u8]) -> Option<Vec<Part<'a>>> {
    let delimiter = format!("\r\n--{}", boundary(content_type)?);
    let (first, delimiter) = (delimiter.trim_start().as_bytes(), delimiter.as_bytes());
    let mut parts = Vec::new();
    let mut rest = body.strip_prefix(first)?;
    while !rest.starts_with(b"--") {
        rest = rest.strip_prefix(b"\r\n")?;
        let (head, inside) = split(rest, b"\r\n\r\n")?;
        let (bytes, after) = split(inside, delimiter)?;
        parts.push(Part { name: name(std::str::from_utf8(head).ok()?)?, bytes });
        if parts.len() > PARTS_AT_MOST {
            return None;
        }
        rest = after;
    }
    Some(parts)
}

fn boundary(content_type: &str) -> Option<&str> {
    let (kind, rest) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = rest.split(';').find_map(|pair| pair.trim().strip_prefix("boundary="))?.trim_matches('"');
    ((1..=70).contains(&boundary.len()) && boundary.bytes().all(|b| b.is_ascii_graphic())).then_some(boundary)
}

/// The name in a part's header. Browsers write a quotation mark in a file name as `%22`, so the first quoted `name` is
/// the field's.
fn name(head: &str) -> Option<&str> {
    let is_disposition = |line: &&str| line.get(..20).is_some_and(|l| l.eq_ignore_ascii_case("content-disposition:"));
    let line = head.split("\r\n").find(is_disposition)?;
    line.split_once("; name=\"")?.1.split('"').next()
}

/// The parts before and after the first `mark`.
fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIND: &str = "multipart/form-data; boundary=----WebKitFormBoundaryx1";

    fn form(bytes: &[u8]) -> Vec<u8> {
        let mut body = b"------WebKitFormBoundaryx1\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\nabc\r\n\
            ------WebKitFormBoundaryx1\r\nContent-Disposition: form-data; name=\"logo\"; filename=\"a; name=%22b%22.png\"\r\n\
            Content-Type: image/png\r\n\r\n"
            .to_vec();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n------WebKitFormBoundaryx1--\r\n");
        body
    }

    #[test]
    fn what_a_browser_sends_is_read() {
        let file = b"\x89PNG\r\n\x1a\n\0\r\n--\r\n\r\n";
        let body = form(file);
        let parts = read(KIND, &body).unwrap();
        assert_eq!(parts[0], Part { name: "form_token", bytes: b"abc" });
        assert_eq!(parts[1], Part { name: "logo", bytes: file });
        assert_eq!(parts.len(), 2);
        assert_eq!(read(KIND, &form(b"")).unwrap()[1].bytes, b"", "no file was chosen");
    }

    #[test]
    fn what_is_no_whole_form_is_refused() {
        let body = form(b"x");
        for kind in [
            "",
            "multipart/form-data",
            "text/plain; boundary=----WebKitFormBoundaryx1",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=other",
        ] {
            assert!(read(kind, &body).is_none(), "{kind}");
        }
        for end in [0, 10, 40, 100, body.len() - 30] {
            assert!(read(KIND, &body[..end]).is_none(), "{end}");
        }
        assert!(
            read(KIND, b"------WebKitFormBoundaryx1\r\n\r\n\r\nnameless\r\n------WebKitFormBoundaryx1--").is_none()
        );
        let many = b"------WebKitFormBoundaryx1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n".repeat(17);
        assert!(read(KIND, &[many, b"------WebKitFormBoundaryx1--".to_vec()].concat()).is_none());
    }

    proptest! {
        #[test]
        fn a_file_of_any_bytes_comes_out_as_it_went_in(bytes in any::<Vec<u8>>()) {
            let body = form(&bytes);
            let parts = read(KIND, &body).unwrap();
            prop_assert_eq!(parts[1].bytes, &bytes[..]);
        }

        #[test]
        fn reading_never_panics(body in any::<Vec<u8>>()) {
            let _ = read("multipart/form-data; boundary=a", &body);
            let _ = read("multipart/form-data; boundary=a", &[b"--a\r\n".to_vec(), body].concat());
        }
    }
}
