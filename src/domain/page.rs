//! Paging: page sizes and cursors.

/// The maximum number of rows in a page.
pub const MOST: i64 = 200;
/// The default number of rows in a page.
pub const USUAL: i64 = 50;

/// One page of a list, and the cursor of the next.
#[derive(Debug, Clone)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// The ID after which the next page begins; `None` on the last page.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of at most `limit` rows from up to `limit + 1` fetched rows: the extra one only shows that there
    /// are more.
    pub fn of(mut rows: Vec<T>, limit: i64, id: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(id) } else { None };
        Self { rows, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extra_row_says_that_there_are_more() {
        let page = Page::of(vec![1, 2, 3], 2, ToString::to_string);
        assert_eq!((page.rows, page.next), (vec![1, 2], Some("2".to_owned())));
        assert_eq!(Page::of(vec![1, 2], 2, ToString::to_string).next, None);
    }
}
