//! The strip: what a store told over time, drawn as bars whose height says what their colour says too.

use crate::domain::check::Span;
use crate::domain::time::Time;
use crate::domain::verdict::Verdict;

/// The width of the drawing, in its own units.
const WIDTH: i64 = 1_000;
/// The least width of a bar: what happened once must be seen on a telephone.
const LEAST: i64 = 6;

/// The drawing.
#[derive(Debug, Clone)]
pub struct Strip {
    /// Its bars, from left to right.
    pub bars: Vec<Bar>,
    /// What it shows, in a sentence.
    pub says: String,
}

/// One span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Where it begins, of 1,000.
    pub x: i64,
    /// How wide it is, of 1,000.
    pub width: i64,
    /// How high it is, of 40; it stands on the ground.
    pub height: i64,
    /// `good`, `warn` or `bad`.
    pub class: &'static str,
}

impl Bar {
    /// Where its upper edge is.
    pub const fn y(&self) -> i64 {
        40 - self.height
    }
}

impl Strip {
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
            "at times the store refused its key"
        } else if spans.iter().any(|span| class(span.verdict) == "warn") {
            "at times the store could not be asked"
        } else {
            "the key worked each time"
        };
        let checks = if n == 1 { "check" } else { "checks" };
        Self {
            bars: spans.iter().rev().map(bar).collect(),
            says: format!("{n} {checks}: {worst}. The table says when."),
        }
    }
}

/// The class of a verdict: `good` when the key works, `bad` when the store refuses it, `warn` when it cannot be asked.
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
        let strip = Strip::draw(&spans, at(1_000), at(2_000));
        let bar = |x, width, height, class| Bar { x, width, height, class };
        let expected = [bar(0, 250, 40, "good"), bar(500, 100, 24, "warn"), bar(994, 6, 12, "bad")];
        assert_eq!(strip.bars, expected);
        assert_eq!(strip.says, "6 checks: at times the store refused its key. The table says when.");
        let bar = Strip::draw(&spans, at(0), at(0)).bars[0];
        assert!(bar.x >= 0 && bar.x + bar.width <= WIDTH, "no time at all: {bar:?}");
    }
}
