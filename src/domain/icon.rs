//! A store's icon: its address, as the store reports it, and the image.

use std::fmt;

use url::Url;

use super::{LogoFormat, StoreUrl};

/// The address of a store's icon, at most 500 bytes: https, or http where the store itself is http. It may be on any host.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct IconUrl(String);

impl IconUrl {
    /// Parses the address that the store at `home` reports, which may be relative. An http address of an https store becomes https:
    /// WordPress reports one where it cannot see that visitors use https.
    pub fn of(reported: &str, home: &StoreUrl) -> Option<Self> {
        let reported = reported.trim();
        let mut url = Url::parse(home.as_str()).ok()?.join(reported).ok()?;
        if home.is_https() && url.scheme() == "http" {
            url.set_scheme("https").ok()?;
        }
        url.set_fragment(None);
        let is_fetchable = url.scheme() == "https" || url.scheme() == "http" && !home.is_https();
        let is_plain = url.has_host() && url.username().is_empty() && url.password().is_none();
        (!reported.is_empty() && is_fetchable && is_plain && url.as_str().len() <= 500).then(|| Self(url.into()))
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An image of at most [`Icon::AT_MOST`] bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Icon {
    /// What the bytes themselves show.
    pub media_type: &'static str,
    /// The file's content.
    pub bytes: Vec<u8>,
}

impl Icon {
    /// The maximum size, in bytes. WordPress reports its icon at 512 × 512 pixels; as PNG, most are below 100 KiB.
    pub const AT_MOST: usize = 256 * 1024;

    /// Detects the format: PNG, JPEG, WebP, GIF or ICO, never SVG, which can contain scripts. `None` for anything else, and for a file
    /// that is too large.
    pub fn read(bytes: Vec<u8>) -> Option<Self> {
        let media_type = match LogoFormat::of_bytes(&bytes) {
            Some(format) => format.media_type(),
            None if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") => "image/gif",
            None if bytes.starts_with(b"\0\0\x01\0") => "image/x-icon",
            None => return None,
        };
        (bytes.len() <= Self::AT_MOST).then_some(Self { media_type, bytes })
    }
}

impl fmt::Debug for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Icon({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Network;

    #[test]
    fn an_address_is_as_safe_as_the_store_itself() {
        let https = StoreUrl::parse("shop.example/de", Network::Public).unwrap();
        let http = StoreUrl::parse("http://localhost:8081", Network::PrivateToo).unwrap();
        for (home, reported, read) in [
            (&https, "https://cdn.example/i.png?fit=512%2C512#x", Some("https://cdn.example/i.png?fit=512%2C512")),
            (&https, " /wp-content/i.png\n", Some("https://shop.example/wp-content/i.png")),
            (&https, "//i0.wp.com/i.png", Some("https://i0.wp.com/i.png")),
            (&https, "http://shop.example/i.png", Some("https://shop.example/i.png")),
            (&http, "http://localhost:8081/i.png", Some("http://localhost:8081/i.png")),
            (&http, "/i.png", Some("http://localhost:8081/i.png")),
            (&http, "https://cdn.example/i.png", Some("https://cdn.example/i.png")),
            (&https, "", None),
            (&https, " ", None),
            (&https, "https://u:p@shop.example/i.png", None),
            (&https, "https://me@shop.example/i.png", None),
            (&https, "data:image/png;base64,iVBORw0KGgo=", None),
            (&https, "javascript:alert(1)", None),
            (&https, "file:///etc/passwd", None),
            (&https, "ftp://shop.example/i.png", None),
            (&https, "https://[", None),
            (&https, &format!("https://shop.example/{}.png", "x".repeat(480)), None),
        ] {
            assert_eq!(IconUrl::of(reported, home).as_ref().map(IconUrl::as_str), read, "{reported}");
        }
    }

    #[test]
    fn an_icon_is_what_its_bytes_are() {
        let kind = |bytes: &[u8]| Icon::read(bytes.to_vec()).map(|icon| icon.media_type);
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n...."), Some("image/png"));
        assert_eq!(kind(b"\xff\xd8\xff\xe0...."), Some("image/jpeg"));
        assert_eq!(kind(b"RIFF\x10\0\0\0WEBPVP8 "), Some("image/webp"));
        assert_eq!(kind(b"GIF89a...."), Some("image/gif"));
        assert_eq!(kind(b"\0\0\x01\0\x01\0"), Some("image/x-icon"));
        for other in
            [&b""[..], b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<!doctype html>", b"GIF88a", b"\0\0\x02\0"]
        {
            assert_eq!(kind(other), None);
        }
        let mut large = b"GIF89a".to_vec();
        large.resize(Icon::AT_MOST, 0);
        assert_eq!(kind(&large), Some("image/gif"));
        large.push(0);
        assert_eq!(kind(&large), None);
    }
}
