//! How far long work has come: a bar on a terminal, a line for each tenth elsewhere. On standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

/// How many characters the bar has.
const WIDTH: u64 = 24;

/// Shows how far work has come.
pub(super) struct Progress {
    of: u64,
    is_terminal: bool,
    shown: String,
    tenth: u64,
}

impl Progress {
    /// Work that is done at `of`.
    pub(super) fn new(of: u64) -> Self {
        Self { of, is_terminal: io::stderr().is_terminal(), shown: String::new(), tenth: 0 }
    }

    /// The work is done at `of` after all.
    pub(super) const fn of(&mut self, of: u64) {
        self.of = of;
    }

    /// The work has come to `at`; `says` is what else there is to say.
    pub(super) fn at(&mut self, at: u64, says: impl Display) {
        let hundredths = (at.min(self.of) * 100).checked_div(self.of).unwrap_or(100);
        if !self.is_terminal {
            if hundredths / 10 > self.tenth {
                self.tenth = hundredths / 10;
                let _ = writeln!(io::stderr(), "{hundredths} %, {says}");
            }
            return;
        }
        let full = hundredths * WIDTH / 100;
        let bar: String = (0..WIDTH).map(|place| if place < full { '█' } else { '░' }).collect();
        let line = format!("{bar} {hundredths:>3} %  {says}");
        if line != self.shown {
            self.shown = line;
            let _ = write!(io::stderr(), "\r\u{1b}[2K{}", self.shown);
        }
    }

    /// A line of its own, which stays.
    pub(super) fn line(&self, says: impl Display) {
        let mut err = io::stderr();
        if self.is_terminal {
            let _ = write!(err, "\r\u{1b}[2K");
        }
        let _ = writeln!(err, "{says}");
        if self.is_terminal {
            let _ = write!(err, "{}", self.shown);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_terminal && !self.shown.is_empty() {
            let _ = writeln!(io::stderr());
        }
    }
}

/// A number as people read it: `12,345`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
