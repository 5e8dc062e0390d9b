//! QR codes as the path of an inline SVG.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// The width of the empty margin, in modules (ISO/IEC 18004: four).
const QUIET: i32 = 4;

/// A QR code. Draw it dark on white even in dark mode: cameras require it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qr {
    /// Its side in modules, including the margin.
    pub side: i32,
    /// The `d` attribute of an SVG `<path>`.
    pub path: String,
}

impl Qr {
    /// Encodes `text`; `None` if it is too long (more than 2,331 bytes).
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let mut path = String::new();
        for y in 0..code.size() {
            let mut x = 0;
            while x < code.size() {
                let dark = (x..code.size()).take_while(|&at| code.get_module(at, y)).fold(0, |run, _| run + 1);
                if dark > 0 {
                    let _ = write!(path, "M{} {}h{dark}v1h-{dark}z", x + QUIET, y + QUIET);
                }
                x += dark.max(1);
            }
        }
        Some(Self { side: code.size() + 2 * QUIET, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_what_the_encoder_says() {
        let text = "https://keys.example/connect/abc";
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        let qr = Qr::of(text).unwrap();
        assert_eq!(qr.side, code.size() + 8);
        let mut drawn = std::collections::BTreeSet::new();
        for run in qr.path.split('M').skip(1) {
            let (x, rest) = run.split_once(' ').unwrap();
            let (y, rest) = rest.split_once('h').unwrap();
            let width = rest.split_once('v').unwrap().0;
            let (x, y, width): (i32, i32, i32) = (x.parse().unwrap(), y.parse().unwrap(), width.parse().unwrap());
            drawn.extend((x..x + width).map(|x| (x - 4, y - 4)));
        }
        for y in 0..code.size() {
            for x in 0..code.size() {
                assert_eq!(drawn.contains(&(x, y)), code.get_module(x, y), "{x},{y}");
            }
        }
        assert_eq!(Qr::of(&"x".repeat(3_000)), None);
    }
}
