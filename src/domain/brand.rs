//! Brand: the name, colour, help link and logo that operators choose for the merchant's pages, as validated types.

use std::fmt;
use std::str::FromStr;

use url::Url;

use super::accent::Accent;

/// What merchants see of the application on every page.
#[derive(Debug, Clone)]
pub struct Brand {
    /// The application's name, on our pages and on the store's approval page.
    pub app_name: AppName,
    /// The accent colour; `None` for the default.
    pub accent: Option<Accent>,
    /// Where merchants find help.
    pub help: Option<HelpLink>,
    /// The logo; without one, the first letter of the name is shown.
    pub logo: Option<LogoRef>,
}

/// The application's name: 1 to 60 visible characters, without white space around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppName(String);

impl AppName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Type a name of 1 to 60 characters.")]
pub struct NotAnAppName;

impl FromStr for AppName {
    type Err = NotAnAppName;

    fn from_str(text: &str) -> Result<Self, NotAnAppName> {
        let text = text.trim();
        // Characters that change the direction of text could make a name look like a different one.
        let unseen = |c: char| {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        };
        let fits = (1..=60).contains(&text.chars().count()) && !text.contains(unseen);
        fits.then(|| Self(text.to_owned())).ok_or(NotAnAppName)
    }
}

/// A help page or mailbox for merchants: `https:` or `mailto:`, at most 500 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpLink(String);

impl HelpLink {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it opens a page; otherwise it opens an email.
    pub fn is_page(&self) -> bool {
        self.0.starts_with("https:")
    }
}

impl fmt::Display for HelpLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Type an address that begins with https://, or an email address such as mailto:help@example.com.")]
pub struct NotAHelpLink;

impl FromStr for HelpLink {
    type Err = NotAHelpLink;

    fn from_str(text: &str) -> Result<Self, NotAHelpLink> {
        let text = text.trim();
        if text.len() > 500 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(NotAHelpLink);
        }
        let url = Url::parse(text).map_err(|_| NotAHelpLink)?;
        let fits = match url.scheme() {
            "https" => url.host().is_some() && url.username().is_empty() && url.password().is_none(),
            "mailto" => url.path().split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.')),
            _ => false,
        };
        fits.then(|| Self(url.into())).ok_or(NotAHelpLink)
    }
}

/// The formats of a logo. SVG is not allowed: it can contain scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoFormat {
    Png,
    Jpeg,
    Webp,
}

impl LogoFormat {
    pub const ALL: [Self; 3] = [Self::Png, Self::Jpeg, Self::Webp];

    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }

    pub const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }

    pub fn of_media_type(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.media_type() == text)
    }

    /// The format that the bytes themselves show, whatever the browser declared.
    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Some(Self::Png);
        }
        if bytes.starts_with(b"\xff\xd8\xff") {
            return Some(Self::Jpeg);
        }
        let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
        is_webp.then_some(Self::Webp)
    }
}

/// A logo: its format and its bytes, at most [`Logo::AT_MOST`].
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    pub format: LogoFormat,
    pub bytes: Vec<u8>,
}

impl Logo {
    /// The maximum size, in bytes.
    pub const AT_MOST: usize = 64 * 1024;

    /// Checks a file's size and detects its format.
    pub fn read(bytes: Vec<u8>) -> Result<Self, NotALogo> {
        if bytes.is_empty() {
            return Err(NotALogo::Empty);
        }
        if bytes.len() > Self::AT_MOST {
            return Err(NotALogo::TooLarge);
        }
        let format = LogoFormat::of_bytes(&bytes).ok_or(NotALogo::Format)?;
        Ok(Self { format, bytes })
    }
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({}, {} bytes)", self.format.media_type(), self.bytes.len())
    }
}

/// Why a file cannot be the logo; each message says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotALogo {
    #[error("Choose a file first.")]
    Empty,
    /// The file is larger than [`Logo::AT_MOST`].
    #[error("The file is larger than 64 KiB. Save a smaller logo: 256 pixels high is enough.")]
    TooLarge,
    #[error("The file is not a PNG, JPEG or WebP image. SVG is not accepted: save it as PNG.")]
    Format,
}

/// Identifies the current logo: enough to build its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoRef {
    pub format: LogoFormat,
    /// The first 16 hexadecimal digits of its SHA-256.
    pub hash: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, name) in [("Acme", Some("Acme")), ("  注文さん ", Some("注文さん")), ("<b>", Some("<b>"))] {
            assert_eq!(text.parse::<AppName>().ok().as_ref().map(AppName::as_str), name);
        }
        for bad in ["", "  ", "a\nb", "Acme\u{202e}", "\u{200b}", &"x".repeat(61)] {
            assert_eq!(bad.parse::<AppName>(), Err(NotAnAppName), "{bad:?}");
        }
        assert!("é".repeat(60).parse::<AppName>().is_ok(), "characters count, not bytes");
    }

    #[test]
    fn help_is_a_page_or_a_mailbox() {
        for (text, page) in [
            ("https://help.acme.example/connect?x=1#top", true),
            ("mailto:help@acme.example", false),
            ("mailto:help@acme.example?subject=Connect", false),
        ] {
            assert_eq!(text.parse::<HelpLink>().map(|link| link.is_page()), Ok(page), "{text}");
        }
        for bad in [
            "",
            "help.acme.example",
            "http://help.acme.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://",
            "https://user:pw@acme.example",
            "mailto:",
            "mailto:nobody",
            "mailto:@acme.example",
            "https://a.example/\u{7}",
            "https://a.example/a b",
            "tel:+4930123",
            &format!("https://a.example/{}", "x".repeat(500)),
        ] {
            assert_eq!(bad.parse::<HelpLink>(), Err(NotAHelpLink), "{bad}");
        }
    }

    #[test]
    fn a_logo_is_what_its_bytes_are() {
        let read = |bytes: &[u8]| Logo::read(bytes.to_vec()).map(|logo| logo.format);
        assert_eq!(read(b"\x89PNG\r\n\x1a\n...."), Ok(LogoFormat::Png));
        assert_eq!(read(b"\xff\xd8\xff\xe0...."), Ok(LogoFormat::Jpeg));
        assert_eq!(read(b"RIFF\x10\0\0\0WEBPVP8 "), Ok(LogoFormat::Webp));
        assert_eq!(read(b""), Err(NotALogo::Empty));
        for other in
            [&b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..], b"GIF89a", b"RIFF\x10\0\0\0WAVE", b"\x89PN", b"<?xml"]
        {
            assert_eq!(read(other), Err(NotALogo::Format));
        }
        let mut large = b"\x89PNG\r\n\x1a\n".to_vec();
        large.resize(Logo::AT_MOST, 0);
        assert_eq!(read(&large), Ok(LogoFormat::Png));
        large.push(0);
        assert_eq!(read(&large), Err(NotALogo::TooLarge));
    }

    #[test]
    fn a_format_reads_back() {
        for format in LogoFormat::ALL {
            assert_eq!(LogoFormat::of_media_type(format.media_type()), Some(format));
        }
        assert_eq!(LogoFormat::of_media_type("image/svg+xml"), None);
    }
}
