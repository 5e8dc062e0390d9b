//! Charts: figures as bars for inline SVG. Each is shown beside a table with the same numbers.

/// One bar, in the units of its drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// The left edge.
    pub x: f64,
    /// The top edge.
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// A column chart, such as one column per day. It contains no text, so it may be stretched.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    /// The columns, from left to right; 0 has no height.
    pub bars: Vec<Bar>,
    /// The value at the top: a round number, at least the maximum.
    pub top: i64,
}

/// A bar chart in which each bar is a share of the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// The lengths, from 0 to [`WIDTH`].
    pub lengths: Vec<f64>,
}

/// The width of a drawing, in its own units.
pub const WIDTH: f64 = 600.0;
/// The maximum height of a column.
pub const HEIGHT: f64 = 120.0;
/// The minimum height of a figure that is not 0, so that it is visible.
const LEAST: f64 = 2.0;
/// The share of a column's space that is left empty.
const GAP: f64 = 0.25;

impl Columns {
    /// Draws `figures`; negative ones count as 0.
    pub fn of(figures: &[i64]) -> Self {
        let top = round_up(figures.iter().copied().max().unwrap_or(0));
        let place = WIDTH / count(figures.len().max(1));
        let bar = |(at, figure): (usize, &i64)| {
            let height = length(*figure, top, HEIGHT);
            Bar {
                x: tidy(count(at) * place + place * GAP / 2.0),
                y: tidy(HEIGHT - height),
                width: tidy(place * (1.0 - GAP)),
                height,
            }
        };
        Self { bars: figures.iter().enumerate().map(bar).collect(), top }
    }
}

impl Rows {
    /// Draws `figures` relative to the first, which is the largest.
    pub fn of(figures: &[i64]) -> Self {
        let most = figures.iter().copied().max().unwrap_or(0);
        Self { lengths: figures.iter().map(|figure| length(*figure, most, WIDTH)).collect() }
    }
}

fn length(figure: i64, most: i64, whole: f64) -> f64 {
    if figure <= 0 || most <= 0 {
        return 0.0;
    }
    tidy((float(figure) / float(most) * whole).clamp(LEAST, whole))
}

/// The next of 1, 2, 5, 10, 20, 50 …, at least 1.
fn round_up(figure: i64) -> i64 {
    let mut step = 1_i64;
    loop {
        for times in [1, 2, 5] {
            let round = step.saturating_mul(times);
            if round >= figure {
                return round;
            }
        }
        step = step.saturating_mul(10);
    }
}

/// Two decimals are more than a screen shows.
fn tidy(length: f64) -> f64 {
    (length * 100.0).round() / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "a drawing has a few hundred points, not 2^52")]
fn float(figure: i64) -> f64 {
    figure as f64
}

#[expect(clippy::cast_precision_loss, reason = "a drawing has a few dozen bars, not 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}

/// `part` as a percentage of `whole`, for people: empty if `whole` is 0, “<1 %” if the share is small but not zero.
pub fn percent(part: i64, whole: i64) -> String {
    match (part, whole) {
        (_, ..=0) => String::new(),
        (0, _) => "0%".to_owned(),
        (part, whole) if part.saturating_mul(100) < whole => "<1%".to_owned(),
        (part, whole) => format!("{}%", part.saturating_mul(100) / whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_reaches_its_share_of_a_round_top_and_nothing_leaves_the_drawing() {
        let drawn = Columns::of(&[0, 1, 70, 140]);
        assert_eq!(drawn.top, 200);
        let heights: Vec<f64> = drawn.bars.iter().map(|bar| bar.height).collect();
        assert_eq!(heights, [0.0, 2.0, 42.0, 84.0], "a 1 is to be seen, a 0 is not");
        for bar in &drawn.bars {
            assert!((bar.y + bar.height - HEIGHT).abs() < 0.01, "it stands on the ground: {bar:?}");
            assert!(bar.x >= 0.0 && bar.x + bar.width <= WIDTH, "{bar:?}");
        }
        assert!(drawn.bars.windows(2).all(|two| two[0].x + two[0].width < two[1].x));
    }

    #[test]
    fn with_nothing_at_all_there_is_still_a_drawing() {
        assert_eq!(Columns::of(&[]), Columns { bars: vec![], top: 1 });
        let drawn = Columns::of(&[0; 30]);
        assert_eq!((drawn.bars.len(), drawn.top), (30, 1));
        assert!(drawn.bars.iter().all(|bar| bar.height == 0.0 && bar.y == HEIGHT));
        assert_eq!(Columns::of(&[-5]).bars[0], Columns::of(&[0]).bars[0]);
        assert_eq!(Rows::of(&[]).lengths, [0.0; 0]);
        assert_eq!(Rows::of(&[0, 0]).lengths, [0.0, 0.0]);
    }

    #[test]
    fn the_top_is_round() {
        let tops = [0, 1, 2, 3, 7, 10, 11, 499, 500, 501, 1_000_001, i64::MAX].map(round_up);
        assert_eq!(tops, [1, 1, 2, 5, 10, 10, 20, 500, 500, 1_000, 2_000_000, i64::MAX]);
    }

    #[test]
    fn rows_are_shares_of_the_first() {
        assert_eq!(Rows::of(&[100, 50, 1, 0]).lengths, [600.0, 300.0, 6.0, 0.0]);
        assert_eq!(Rows::of(&[100_000, 1]).lengths, [600.0, 2.0]);
    }

    #[test]
    fn shares_are_told_in_percent() {
        assert_eq!([percent(0, 0), percent(0, 5), percent(1, 500)], ["", "0%", "<1%"]);
        assert_eq!([percent(1, 3), percent(5, 5), percent(999, 1_000)], ["33%", "100%", "99%"]);
    }
}
