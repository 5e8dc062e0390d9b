//! The statements of [`super`]: for each way to begin and each order one, all with the same parameters.
//!
//! `$1` to `$7` say where to begin, `$8` to `$34` hold the filters, each twice or three times because each parameter stands
//! once; then come the place in the order, its id, and how many.

use super::{Begin, Fewest, Order, stores};

/// Reads from the index of the order, or of status and order.
macro_rules! in_order {
    () => {
        "$1 IS NULL AND $2 IS NULL AND $3 IS NULL AND $4 IS NULL AND $5 IS NULL AND $6 IS NULL AND $7 IS NULL"
    };
}

/// Reads those that one filter fits; what is NULL fits none.
macro_rules! gathered {
    () => {
        "id IN (SELECT store_id FROM store_words WHERE word >= $1 AND word < $2
                UNION ALL SELECT id FROM stores AS those WHERE those.status = $3
                UNION ALL SELECT id FROM stores AS those WHERE those.reason >= $4 AND those.reason <= $5
                UNION ALL SELECT id FROM stores AS those WHERE those.scope = $6
                UNION ALL SELECT id FROM stores AS those WHERE those.user_id = $7)"
    };
}

macro_rules! any_status {
    () => {
        "($8 IS NULL OR status = $9)"
    };
}

macro_rules! this_status {
    () => {
        "status = $8 AND status = $9"
    };
}

macro_rules! matching {
    ($begin:expr, $status:expr) => {
        concat!(
            " FROM stores WHERE ",
            $begin,
            " AND ",
            $status,
            " AND ($10 IS NULL OR (reason >= $11 AND reason <= $12))
              AND ($13 IS NULL OR scope = $14)
              AND ($15 IS NULL OR user_id = $16)
              AND ($17 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $18 AND word < $19))
              AND ($20 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $21 AND word < $22))
              AND ($23 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $24 AND word < $25))
              AND ($26 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $27 AND word < $28))
              AND ($29 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $30 AND word < $31))
              AND ($32 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $33 AND word < $34))"
        )
    };
}

macro_rules! page {
    ($begin:expr, $status:expr, $after:literal, $order:literal) => {
        concat!(
            "SELECT ",
            stores::columns!(),
            matching!($begin, $status),
            " AND ",
            $after,
            " ORDER BY ",
            $order,
            " LIMIT $37"
        )
    };
}

/// The statement for each order and direction.
macro_rules! pages {
    ($begin:expr, $status:expr, $order:expr, $back:expr) => {
        match ($order, $back) {
            (Order::Id, false) => page!($begin, $status, "(id, id) > ($35, $36)", "id"),
            (Order::Id, true) => page!($begin, $status, "(id, id) < ($35, $36)", "id DESC"),
            (Order::Changed, false) => {
                page!($begin, $status, "(changed_at, id) < ($35, $36)", "changed_at DESC, id DESC")
            }
            (Order::Changed, true) => page!($begin, $status, "(changed_at, id) > ($35, $36)", "changed_at, id"),
            (Order::Connected, false) => {
                page!($begin, $status, "(connected_at, id) < ($35, $36)", "connected_at DESC, id DESC")
            }
            (Order::Connected, true) => page!($begin, $status, "(connected_at, id) > ($35, $36)", "connected_at, id"),
            (Order::Address, false) => page!($begin, $status, "(home, id) > ($35, $36)", "home, id"),
            (Order::Address, true) => page!($begin, $status, "(home, id) < ($35, $36)", "home DESC, id DESC"),
            (Order::Unchecked, false) => page!($begin, $status, "(checked_at, id) > ($35, $36)", "checked_at, id"),
            (Order::Unchecked, true) => {
                page!($begin, $status, "(checked_at, id) < ($35, $36)", "checked_at DESC, id DESC")
            }
        }
    };
}

/// Where an order is walked, the count walks it too, and stops as soon as it knows enough.
macro_rules! counted {
    ($begin:expr, $status:expr, $order:literal) => {
        concat!("SELECT COUNT(*) FROM (SELECT 1", matching!($begin, $status), $order, " LIMIT $35) AS found")
    };
}

/// Binds `$1` to `$7`: of what is gathered, the filter that the fewest stores fit.
macro_rules! bind_begin {
    ($query:expr, $filter:expr, $begin:expr) => {{
        let (filter, fewest) = ($filter, $begin.fewest());
        let first = filter.words.first().filter(|_| fewest == Some(Fewest::Word));
        $query
            .bind(first.map(Word::from))
            .bind(first.map(Word::to))
            .bind(filter.status.filter(|_| fewest == Some(Fewest::Status)))
            .bind(filter.reason.filter(|_| fewest == Some(Fewest::Reason)).map(Reason::from))
            .bind(filter.reason.filter(|_| fewest == Some(Fewest::Reason)).map(Reason::to))
            .bind(filter.scope.filter(|_| fewest == Some(Fewest::Scope)))
            .bind(filter.user_id.as_ref().filter(|_| fewest == Some(Fewest::User)))
    }};
}

/// Binds `$8` to `$34`: every filter.
macro_rules! bind_filter {
    ($query:expr, $filter:expr) => {{
        let filter = $filter;
        let mut query = $query
            .bind(filter.status)
            .bind(filter.status)
            .bind(filter.reason.map(Reason::from))
            .bind(filter.reason.map(Reason::from))
            .bind(filter.reason.map(Reason::to))
            .bind(filter.scope)
            .bind(filter.scope)
            .bind(&filter.user_id)
            .bind(&filter.user_id);
        for at in 0..MOST_WORDS {
            let word = filter.words.get(at);
            query = query.bind(word.map(Word::from)).bind(word.map(Word::from)).bind(word.map(Word::to));
        }
        // What PostgreSQL is to look for, it may know when it plans.
        query.persistent(false)
    }};
}

impl Begin {
    /// The filter that is gathered, if one is.
    pub(super) fn fewest(self) -> Option<Fewest> {
        match self {
            Self::Gather(fewest) => Some(fewest),
            Self::Order | Self::StatusInOrder => None,
        }
    }

    /// The statement that reads a page.
    pub(super) fn page(self, order: Order, back: bool) -> &'static str {
        match self {
            Self::Order => pages!(in_order!(), any_status!(), order, back),
            Self::StatusInOrder => pages!(in_order!(), this_status!(), order, back),
            Self::Gather(_) => pages!(gathered!(), any_status!(), order, back),
        }
    }

    /// The statement that counts.
    pub(super) fn count(self) -> &'static str {
        match self {
            Self::Order => counted!(in_order!(), any_status!(), " ORDER BY changed_at"),
            Self::StatusInOrder => counted!(in_order!(), this_status!(), " ORDER BY changed_at"),
            Self::Gather(_) => counted!(gathered!(), any_status!(), ""),
        }
    }
}

pub(in crate::storage) use {any_status, bind_begin, bind_filter, matching, page};
