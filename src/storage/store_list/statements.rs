//! The statements of [`super`]: for each way to begin and each order one, all with the same parameters.
//!
//! `$1` to `$6` say where to begin, `$7` to `$32` hold the filters, each twice or three times because each parameter stands
//! once; then come the place in the order, its id, and how many.

use super::{Begin, Fewest, Order, stores};

/// Reads from the index of the order, or of status and order.
macro_rules! in_order {
    () => {
        "$1 IS NULL AND $2 IS NULL AND $3 IS NULL AND $4 IS NULL AND $5 IS NULL AND $6 IS NULL"
    };
}

/// Reads those that one filter fits; what is NULL fits none.
macro_rules! gathered {
    () => {
        "id IN (SELECT store_id FROM store_words WHERE word >= $1 AND word < $2
                UNION ALL SELECT id FROM stores AS those WHERE those.status = $3
                UNION ALL SELECT id FROM stores AS those WHERE those.reason = $4
                UNION ALL SELECT id FROM stores AS those WHERE those.scope = $5
                UNION ALL SELECT id FROM stores AS those WHERE those.user_id = $6)"
    };
}

macro_rules! any_status {
    () => {
        "($7 IS NULL OR status = $8)"
    };
}

macro_rules! this_status {
    () => {
        "status = $7 AND status = $8"
    };
}

macro_rules! matching {
    ($begin:expr, $status:expr) => {
        concat!(
            " FROM stores WHERE ",
            $begin,
            " AND ",
            $status,
            " AND ($9 IS NULL OR reason = $10)
              AND ($11 IS NULL OR scope = $12)
              AND ($13 IS NULL OR user_id = $14)
              AND ($15 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $16 AND word < $17))
              AND ($18 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $19 AND word < $20))
              AND ($21 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $22 AND word < $23))
              AND ($24 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $25 AND word < $26))
              AND ($27 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $28 AND word < $29))
              AND ($30 IS NULL OR EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= $31 AND word < $32))"
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
            " LIMIT $35"
        )
    };
}

/// The statement for each order and direction.
macro_rules! pages {
    ($begin:expr, $status:expr, $order:expr, $back:expr) => {
        match ($order, $back) {
            (Order::Id, false) => page!($begin, $status, "(id, id) > ($33, $34)", "id"),
            (Order::Id, true) => page!($begin, $status, "(id, id) < ($33, $34)", "id DESC"),
            (Order::Changed, false) => {
                page!($begin, $status, "(changed_at, id) < ($33, $34)", "changed_at DESC, id DESC")
            }
            (Order::Changed, true) => page!($begin, $status, "(changed_at, id) > ($33, $34)", "changed_at, id"),
            (Order::Connected, false) => {
                page!($begin, $status, "(connected_at, id) < ($33, $34)", "connected_at DESC, id DESC")
            }
            (Order::Connected, true) => page!($begin, $status, "(connected_at, id) > ($33, $34)", "connected_at, id"),
            (Order::Address, false) => page!($begin, $status, "(home, id) > ($33, $34)", "home, id"),
            (Order::Address, true) => page!($begin, $status, "(home, id) < ($33, $34)", "home DESC, id DESC"),
            (Order::Unchecked, false) => page!($begin, $status, "(checked_at, id) > ($33, $34)", "checked_at, id"),
            (Order::Unchecked, true) => {
                page!($begin, $status, "(checked_at, id) < ($33, $34)", "checked_at DESC, id DESC")
            }
        }
    };
}

macro_rules! counted {
    ($begin:expr, $status:expr) => {
        concat!("SELECT COUNT(*) FROM (SELECT 1", matching!($begin, $status), " LIMIT $33) AS found")
    };
}

/// Binds `$1` to `$6`: of what is gathered, the filter that the fewest stores fit.
macro_rules! bind_begin {
    ($query:expr, $filter:expr, $begin:expr) => {{
        let (filter, fewest) = ($filter, $begin.fewest());
        let first = filter.words.first().filter(|_| fewest == Some(Fewest::Word));
        $query
            .bind(first.map(Word::from))
            .bind(first.map(Word::to))
            .bind(filter.status.filter(|_| fewest == Some(Fewest::Status)))
            .bind(filter.reason.filter(|_| fewest == Some(Fewest::Reason)))
            .bind(filter.scope.filter(|_| fewest == Some(Fewest::Scope)))
            .bind(filter.user_id.as_ref().filter(|_| fewest == Some(Fewest::User)))
    }};
}

/// Binds `$7` to `$32`: every filter.
macro_rules! bind_filter {
    ($query:expr, $filter:expr) => {{
        let filter = $filter;
        let mut query = $query
            .bind(filter.status)
            .bind(filter.status)
            .bind(filter.reason)
            .bind(filter.reason)
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
            Self::Order => counted!(in_order!(), any_status!()),
            Self::StatusInOrder => counted!(in_order!(), this_status!()),
            Self::Gather(_) => counted!(gathered!(), any_status!()),
        }
    }
}

pub(in crate::storage) use {any_status, bind_begin, bind_filter, matching, page};
