//! Invisible characters: the one list of those that have no shape and no width.

/// Whether a character has neither shape nor width: zero-width characters, direction marks, variation selectors, the byte order
/// mark, the soft hyphen.
pub const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fffc}'
    )
}
