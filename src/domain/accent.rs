//! Accent: the application's colour, and readable shades of it for light and dark pages.

use std::fmt;
use std::str::FromStr;

/// A colour, as `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accent(Rgb);

/// Red, green, blue.
type Rgb = [u8; 3];

const WHITE: Rgb = [0xff; 3];
const BLACK: Rgb = [0; 3];
/// The background on which a shade is hardest to read: `--sunken` of the style sheet in light, and its dark
/// counterpart.
const LIGHT_GROUND: Rgb = [0xf5, 0xf6, 0xf8];
const DARK_GROUND: Rgb = [0x1d, 0x21, 0x29];
/// The minimum contrast of text (WCAG 2.2 AA, 1.4.3).
const READABLE: f64 = 4.5;
/// How far the strong shade moves on towards black or white, out of 255.
const STRONGER: u8 = 46;

/// The accent in one colour scheme, each colour as `#rrggbb`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shades {
    /// Links, buttons and the focus outline.
    pub accent: String,
    /// The same when hovered.
    pub strong: String,
    /// Text on either of them.
    pub on: String,
}

impl Accent {
    /// The shades for light pages: only as dark as contrast requires.
    pub fn light(self) -> Shades {
        shades(readable(self.0, BLACK, LIGHT_GROUND), BLACK, WHITE)
    }

    /// The shades for dark pages: only as light as contrast requires.
    pub fn dark(self) -> Shades {
        shades(readable(self.0, WHITE, DARK_GROUND), WHITE, [0x0e, 0x10, 0x14])
    }

    /// The six hexadecimal digits, without `#`.
    pub fn digits(self) -> String {
        let [r, g, b] = self.0;
        format!("{r:02x}{g:02x}{b:02x}")
    }
}

fn shades(accent: Rgb, towards: Rgb, on: Rgb) -> Shades {
    let text = |colour| Accent(colour).to_string();
    Shades { accent: text(accent), strong: text(mix(accent, towards, STRONGER)), on: text(on) }
}

/// `colour`, moved towards black or white only as far as text on `ground` requires.
fn readable(colour: Rgb, towards: Rgb, ground: Rgb) -> Rgb {
    let steps = (0..=u8::MAX).map(|part| mix(colour, towards, part));
    steps.into_iter().find(|shade| contrast(*shade, ground) >= READABLE).unwrap_or(towards)
}

/// Mixes `part` 255ths of `towards` into `colour`.
fn mix(colour: Rgb, towards: Rgb, part: u8) -> Rgb {
    let channel = |at: usize| {
        let (from, to, part) = (u32::from(colour[at]), u32::from(towards[at]), u32::from(part));
        u8::try_from((from * (255 - part) + to * part) / 255).unwrap_or(u8::MAX)
    };
    [channel(0), channel(1), channel(2)]
}

/// The WCAG contrast ratio of two colours: 1 to 21.
fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// The WCAG relative luminance.
fn luminance([r, g, b]: Rgb) -> f64 {
    let linear = |channel: u8| {
        let part = f64::from(channel) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

impl fmt::Display for Accent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.digits())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Type the colour as # and six digits, such as #3f4fc9.")]
pub struct NotAnAccent;

impl FromStr for Accent {
    type Err = NotAnAccent;

    fn from_str(text: &str) -> Result<Self, NotAnAccent> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotAnAccent);
        }
        let channel = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| NotAnAccent);
        Ok(Self([channel(0)?, channel(2)?, channel(4)?]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The style sheet's backgrounds on which a shade is used as text.
    const CARDS: [(&str, &str, &str); 2] = [("light", "#ffffff", "#f5f6f8"), ("dark", "#171a20", "#1d2129")];

    fn rgb(text: &str) -> Rgb {
        text.parse::<Accent>().unwrap().0
    }

    fn assert_readable(accent: Accent) {
        for ((scheme, card, sunken), shades) in CARDS.into_iter().zip([accent.light(), accent.dark()]) {
            for (front, ground) in [
                (&*shades.accent, card),
                (&*shades.accent, sunken),
                (&*shades.strong, card),
                (&*shades.strong, sunken),
                (&*shades.on, &*shades.accent),
                (&*shades.on, &*shades.strong),
            ] {
                let contrast = contrast(rgb(front), rgb(ground));
                assert!(contrast >= 4.5, "{accent} {scheme}: {front} on {ground} is {contrast:.3}");
            }
        }
    }

    #[test]
    fn the_grounds_are_those_of_the_style_sheet() {
        let css = include_str!("../../templates/static/app.css");
        let (light, dark) = css.split_once("@media (prefers-color-scheme: dark)").unwrap();
        for (tokens, (_, card, sunken)) in [light, dark].into_iter().zip(CARDS) {
            assert!(tokens.contains(&format!("--card: {card};")) && tokens.contains(&format!("--sunken: {sunken};")));
        }
        assert_eq!((rgb(CARDS[0].2), rgb(CARDS[1].2)), (LIGHT_GROUND, DARK_GROUND));
    }

    #[test]
    fn the_corners_of_all_colours_can_be_read() {
        for corner in 0..8_u8 {
            let channel = |bit: u8| if corner & bit > 0 { 255 } else { 0 };
            assert_readable(Accent([channel(1), channel(2), channel(4)]));
        }
    }

    #[test]
    fn a_colour_that_can_be_read_stays_as_it_is() {
        let accent: Accent = "#3f4fc9".parse().unwrap();
        assert_eq!(accent.light().accent, "#3f4fc9");
        let accent: Accent = "#AAB4FF".parse().unwrap();
        assert_eq!(accent.dark().accent, "#aab4ff");
    }

    #[test]
    fn what_is_no_colour_is_refused() {
        for text in ["", "#", "#fff", "#12345g", "#1234567", "red", "#é234", "rgb(0,0,0)", "#123456;}", " #123456"] {
            assert_eq!(text.parse::<Accent>(), Err(NotAnAccent), "{text}");
        }
        assert_eq!("3F4FC9".parse::<Accent>().unwrap().to_string(), "#3f4fc9");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn every_colour_can_be_read(rgb in any::<[u8; 3]>()) {
            assert_readable(Accent(rgb));
        }
    }
}
