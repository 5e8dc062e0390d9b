//! Progress of long-running commands on stderr: a bar on a terminal, otherwise a line for each 10 %.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

/// Width of the bar in characters.
const WIDTH: u64 = 24;

/// A progress display.
pub(super) struct Progress {
    of: u64,
    is_terminal: bool,
    shown: String,
    tenth: u64,
}

impl Progress {
    /// Starts at zero of `of`.
    pub(super) fn new(of: u64) -> Self {
        Self { of, is_terminal: io::stderr().is_terminal(), shown: String::new(), tenth: 0 }
    }

    /// Changes the total to `of`.
    pub(super) const fn of(&mut self, of: u64) {
        self.of = of;
    }

    /// Shows how many of all rows were written.
    pub(super) fn rows(&mut self, written: u64, total: u64) {
        self.of(total);
        self.at(written, format_args!("{} of {} rows", grouped(written), grouped(total)));
    }

    /// Moves to `at` and shows `says` beside it.
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

    /// Prints a line above the bar.
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

/// Groups digits by three: `12,345`.
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
