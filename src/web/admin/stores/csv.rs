//! The list of stores as a CSV file (RFC 4180), sent in parts and safe for spreadsheets.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use super::query::StoreQuery;
use crate::domain::{Granted, Store, Verdict};
use crate::flow::dashboard::store_list::{self, Export};
use crate::web::admin::guard::SignedIn;
use crate::web::admin::show;
use crate::web::failure::Failure;
use crate::web::stream::{Pieces, streamed};

const HEAD: &str = "id,user_id,url,name,status,reason,scope,key_id,key_last7,key_version,auth_method,\
                    woocommerce_version,wordpress_version,connected_at,checked_at,changed_at\r\n";

pub async fn export(who: SignedIn) -> Result<Response, Failure> {
    let query = StoreQuery::read(&who.query);
    let export = store_list::export(&who.app, &query.filter, query.sort, &who.actor).await?;
    let (pieces, body) = streamed();
    tokio::spawn(send(export, pieces));
    let name = format!("attachment; filename=\"stores-{}.csv\"", show::day(&who.app.now()));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, body).into_response())
}

/// Sends one part after the other as the browser reads them. If the database fails, the transfer is aborted, so that
/// the browser knows that the file is incomplete.
async fn send(mut export: Export, pieces: Pieces) {
    if pieces.put(HEAD).await.is_err() {
        return;
    }
    loop {
        match export.next().await {
            Ok(rows) if rows.is_empty() => return,
            Ok(rows) => {
                let part: String = rows.iter().map(line).collect();
                if pieces.put(part).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "an export of the list of stores was aborted"
                );
                return pieces.fail(error).await;
            }
        }
    }
}

fn line(store: &Store) -> String {
    let text = |text: &Option<String>| cell(text.as_deref().unwrap_or_default());
    [
        cell(store.id.as_str()),
        cell(store.user_id.as_str()),
        cell(store.home.as_str()),
        text(&store.name),
        cell(store.status.as_str()),
        cell(store.reason.map_or("", Verdict::code)),
        cell(Granted::of(store.scope, store.auth_method).as_str()),
        store.woo_key_id.to_string(),
        cell(&store.key_last7),
        store.key_version.to_string(),
        cell(store.auth_method.as_str()),
        text(&store.woocommerce_version),
        text(&store.wordpress_version),
        store.connected_at.to_string(),
        store.checked_at.to_string(),
        store.changed_at.to_string(),
    ]
    .join(",")
        + "\r\n"
}

/// The characters that begin a formula in some spreadsheet.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
/// The characters that end a cell in some spreadsheet: not every spreadsheet is set to separate at commas.
const ENDS: [char; 5] = [',', ';', '\t', '\r', '\n'];

/// One cell. What a spreadsheet would read as a formula becomes text through a leading apostrophe: names and versions
/// are whatever a store reports.
fn cell(text: &str) -> String {
    let safe = disarmed(text);
    if safe != text || text.contains('"') || text.contains(ENDS) {
        format!("\"{}\"", safe.replace('"', "\"\""))
    } else {
        safe
    }
}

/// Adds an apostrophe before every character that could begin a formula: the first of the text, and the first after a
/// character that ends a cell where the list separator differs. Quotes and spaces may precede it.
fn disarmed(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 1);
    if text.starts_with(['\t', '\r', '\n']) {
        safe.push('\'');
    }
    let mut begins = true;
    for c in text.chars() {
        if begins && FORMULA.contains(&c) {
            safe.push('\'');
        }
        begins = ENDS.contains(&c) || (begins && (c == '"' || c.is_whitespace()));
        safe.push(c);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_where_it_must_be_and_never_a_formula() {
        for (text, written) in [
            ("", ""),
            ("Cups & Plates", "Cups & Plates"),
            ("Cups, Plates", "\"Cups, Plates\""),
            ("6\" cups", "\"6\"\" cups\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t'=1\""),
            ("\r=1", "\"'\r'=1\""),
            (" =1", "\" '=1\""),
            ("\"=1", "\"\"\"'=1\""),
            ("Shop;=cmd|'/c calc'!A0;x", "\"Shop;'=cmd|'/c calc'!A0;x\""),
            ("Shop;\" @SUM(A1)", "\"Shop;\"\" '@SUM(A1)\""),
            ("a\t-1\n+1, ＝1", "\"a\t'-1\n'+1, '＝1\""),
            ("a; b-c = d", "\"a; b-c = d\""),
            ("=HYPERLINK(\"https://evil.example\",\"x\")", "\"'=HYPERLINK(\"\"https://evil.example\"\",\"\"x\"\")\""),
            ("1-2", "1-2"),
            ("東京, café", "\"東京, café\""),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
