//! The statements of [`super`], put together from what is asked.

use super::{Begin, Beside, Fewest, Filter, MOST_WORDS, Order, Reason, SortKey};
use crate::domain::search::Word;
use crate::storage::statement::Statement;

/// Where a list begins, up to its first condition.
pub(super) fn begin<'t>(statement: Statement<'t>, filter: &Filter, begin: Begin) -> Statement<'t> {
    let statement = statement.push(" FROM stores WHERE ");
    match (begin, filter.status) {
        (Begin::Gather(fewest), _) => gather(statement, filter, fewest),
        (Begin::StatusInOrder, Some(status)) => statement.push("status = ").push_bind(status),
        (Begin::StatusInOrder | Begin::Order, _) => statement.push("1 = 1"),
    }
}

/// Reads those that one filter fits, whole.
fn gather<'t>(statement: Statement<'t>, filter: &Filter, fewest: Fewest) -> Statement<'t> {
    let those = statement.push("id IN (SELECT ");
    let those = match fewest {
        Fewest::Word => {
            let word = filter.words.first();
            those
                .push("store_id FROM store_words WHERE word >= ")
                .push_bind(word.map(Word::from))
                .push(" AND word < ")
                .push_bind(word.map(Word::to))
        }
        Fewest::Status => those.push("id FROM stores AS those WHERE status = ").push_bind(filter.status),
        Fewest::Reason => {
            let (from, to) = (filter.reason.map(Reason::from), filter.reason.map(Reason::to));
            those.push("id FROM stores AS those WHERE reason >= ").push_bind(from).push(" AND reason <= ").push_bind(to)
        }
        Fewest::Scope => those.push("id FROM stores AS those WHERE scope = ").push_bind(filter.scope),
        Fewest::User => those.push("id FROM stores AS those WHERE user_id = ").push_bind(&filter.user_id),
    };
    those.push(")")
}

/// Adds every filter. Each is written so that no database takes its index: how the list is read was chosen before.
pub(in crate::storage) fn narrow<'t>(mut statement: Statement<'t>, filter: &Filter) -> Statement<'t> {
    if let Some(status) = filter.status {
        statement = statement.push(" AND status || '' = ").push_bind(status);
    }
    if let Some(reason) = filter.reason {
        statement = statement.push(" AND reason || '' >= ").push_bind(reason.from());
        statement = statement.push(" AND reason || '' <= ").push_bind(reason.to());
    }
    if let Some(scope) = filter.scope {
        statement = statement.push(" AND scope || '' = ").push_bind(scope);
    }
    if let Some(user_id) = &filter.user_id {
        statement = statement.push(" AND user_id || '' = ").push_bind(user_id);
    }
    for word in filter.words.iter().take(MOST_WORDS) {
        statement = statement
            .push(" AND EXISTS (SELECT 1 FROM store_words WHERE store_id = stores.id AND word >= ")
            .push_bind(word.from())
            .push(" AND word < ")
            .push_bind(word.to())
            .push(")");
    }
    statement
}

/// Adds where in the order the page begins, the order, and its length.
pub(in crate::storage) fn page<'t>(
    statement: Statement<'t>,
    order: Order,
    beside: &Beside,
    most: i64,
) -> Statement<'t> {
    let (after, by) = match (order, beside.back) {
        (Order::Id, false) => (" AND (id, id) > (", " ORDER BY id"),
        (Order::Id, true) => (" AND (id, id) < (", " ORDER BY id DESC"),
        (Order::Changed, false) => (" AND (changed_at, id) < (", " ORDER BY changed_at DESC, id DESC"),
        (Order::Changed, true) => (" AND (changed_at, id) > (", " ORDER BY changed_at, id"),
        (Order::Connected, false) => (" AND (connected_at, id) < (", " ORDER BY connected_at DESC, id DESC"),
        (Order::Connected, true) => (" AND (connected_at, id) > (", " ORDER BY connected_at, id"),
        (Order::Address, false) => (" AND (home, id) > (", " ORDER BY home, id"),
        (Order::Address, true) => (" AND (home, id) < (", " ORDER BY home DESC, id DESC"),
        (Order::Unchecked, false) => (" AND (checked_at, id) > (", " ORDER BY checked_at, id"),
        (Order::Unchecked, true) => (" AND (checked_at, id) < (", " ORDER BY checked_at DESC, id DESC"),
    };
    let statement = statement.push(after);
    let statement = match &beside.key {
        SortKey::At(at) => statement.push_bind(*at),
        SortKey::Text(text) => statement.push_bind(text),
    };
    let statement = statement.push(", ").push_bind(&beside.id).push(")").push(by).push(" LIMIT ").push_bind(most);
    // What is looked for may be known when it is planned.
    statement.planned_each_time()
}
