//! `cartkey serve` in the real program: its workers run and follow its settings.

use std::sync::Arc;
use std::time::Duration;

use cartkey::demo::pretend_store::Pace;
use cartkey::storage::Db;
use cartkey::woo::Resolver;

use crate::binary::{Installation, client_with, pretend_shop};
use crate::command_line::connect;
use crate::database::{change, column};
use crate::merchant::Merchant;
use crate::process::until_async;

#[tokio::test]
async fn a_store_that_is_due_is_checked_and_is_due_again_after_as_long_as_was_set() {
    let here = Installation::new().await.with("CARTKEY_PUBLIC_URL", "http://keys.test");
    let here = here.with("CARTKEY_CHECK_EVERY", "3h");
    let cartkey = here.serve().await;
    let names = Resolver::Fixed(Arc::new([("keys.test".to_owned(), vec![cartkey.listen])].into()));
    let shop = pretend_shop(client_with(names.clone()), Pace::Brisk).await;
    let link = here.run(&["link", "--user-id", "merchant-42", "--store-url", &shop.home()]).printed();
    connect(&mut Merchant::new(names, Vec::new()), &link).await;

    let db = Db::open(&here.settings["CARTKEY_DATABASE_URL"]).await.unwrap();
    assert_eq!(change(&db, "UPDATE stores SET check_at = 1, checked_at = 1").await, 1);
    let checked = async || column(&db, "SELECT id FROM stores WHERE checked_at > 1").await.len() == 1;
    until_async(checked).await;
    let pause = column(&db, "SELECT CAST(check_at - checked_at AS TEXT) FROM stores").await;
    let pause = Duration::from_millis(pause[0].parse().unwrap());
    assert!(
        pause > Duration::from_mins(150) && pause < Duration::from_mins(210),
        "three hours, more or less: {pause:?}"
    );
    db.close().await;
}
