//! Uptime bar: the results of a store's checks over time, drawn as bars. A bar's height means the same as its
//! colour.

use crate::domain::{Span, Time, Verdict};

/// The width of the drawing, in its own units.
const WIDTH: i64 = 1_000;
/// The minimum width of a bar: a single event must be visible on a phone.
const LEAST: i64 = 6;

#[derive(Debug, Clone)]
pub struct UptimeBar {
    /// The bars, from left to right.
    pub bars: Vec<Bar>,
    /// A one-sentence description.
    pub says: String,
}

/// One span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// The left edge, out of 1,000.
    pub x: i64,
    /// The width, out of 1,000.
    pub width: i64,
    /// The height, out of 40; bars stand on the bottom edge.
    pub height: i64,
    /// `good`, `warn` or `bad`.
    pub class: &'static str,
}

impl Bar {
    /// The top edge.
    pub const fn y(&self) -> i64 {
        40 - self.height
    }
}

impl UptimeBar {
    /// Draws `spans`, the newest first, between `since` and `now`.
    pub fn draw(spans: &[Span], since: Time, now: Time) -> Self {
        let whole = (now.millis() - since.millis()).max(1);
        let at = |time: Time| ((time.millis() - since.millis()).clamp(0, whole) * WIDTH) / whole;
        let bar = |span: &Span| {
            let (from, to) = (at(span.began_at), at(span.last_at));
            let width = (to - from).max(LEAST);
            let class = class(span.verdict);
            let height = match class {
                "good" => 40,
                "warn" => 24,
                _ => 12,
            };
            Bar { x: from.min(WIDTH - width), width, height, class }
        };
        let n = spans.iter().map(|span| span.n).sum::<i64>();
        let worst = if spans.iter().any(|span| class(span.verdict) == "bad") {
            "at times the store rejected its key"
        } else if spans.iter().any(|span| class(span.verdict) == "warn") {
            "at times the store could not be checked"
        } else {
            "the key worked each time"
        };
        let checks = if n == 1 { "check" } else { "checks" };
        Self {
            bars: spans.iter().rev().map(bar).collect(),
            says: format!("{n} {checks}: {worst}. The table shows when."),
        }
    }
}

/// A verdict's class: `good` if the key works, `bad` if the store rejects it, `warn` if the store cannot be checked.
pub const fn class(verdict: Verdict) -> &'static str {
    if verdict.is_works() {
        "good"
    } else if verdict.is_final() {
        "bad"
    } else {
        "warn"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_where_their_time_is_and_inside_of_the_drawing() {
        let at = Time::from_millis;
        let span = |from, to, verdict| Span { began_at: at(from), last_at: at(to), verdict, n: 2 };
        let spans = [
            span(2_000, 2_000, Verdict::KeyRejected),
            span(1_500, 1_600, Verdict::TimedOut),
            span(500, 1_250, Verdict::Works),
        ];
        let uptime_bar = UptimeBar::draw(&spans, at(1_000), at(2_000));
        let bar = |x, width, height, class| Bar { x, width, height, class };
        let expected = [bar(0, 250, 40, "good"), bar(500, 100, 24, "warn"), bar(994, 6, 12, "bad")];
        assert_eq!(uptime_bar.bars, expected);
        assert_eq!(uptime_bar.says, "6 checks: at times the store rejected its key. The table shows when.");
        let bar = UptimeBar::draw(&spans, at(0), at(0)).bars[0];
        assert!(bar.x >= 0 && bar.x + bar.width <= WIDTH, "no time at all: {bar:?}");
    }
}
