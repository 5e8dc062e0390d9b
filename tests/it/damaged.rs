//! Damaged database files: refused at the start, or what is damaged is set aside; a wrong key is never lent (R15).

use std::fs;
use std::path::Path;

use cartkey::app::App;
use cartkey::config::Config;
use cartkey::domain::{Entropy, RequestId, Secret};
use cartkey::flow::lending::lend::{self, Lent, Which};
use cartkey::flow::open_vault;
use cartkey::storage::Db;
use cartkey::vault::RingSource;

use crate::disk::{fold_wal, is_file};
use crate::world::{KEYS, World};

const PAGE: usize = 4_096;
const USERS: [&str; 2] = ["m-1", "m-2"];

/// Damages an image in a way that depends on `n`: one bit, a run of zeros, a torn page, or two pages that changed places.
fn damage(image: &mut [u8], n: usize) {
    let at = n.wrapping_mul(2_654_435_761) % image.len();
    let (page, pages) = (at / PAGE * PAGE, image.len() / PAGE);
    match n % 4 {
        0 => image[at] ^= 1 << (n / 4 % 8),
        1 => image[at..].iter_mut().take(64).for_each(|byte| *byte = 0),
        2 => image[page + PAGE / 2..page + PAGE].fill(0),
        _ => {
            let other = n.wrapping_mul(40_503) % pages * PAGE;
            let copy = image[page..page + PAGE].to_vec();
            image.copy_within(other..other + PAGE, page);
            image[other..other + PAGE].copy_from_slice(&copy);
        }
    }
}

/// Starts on this file as the service does; `None` if it is refused.
async fn start(world: &World, file: &Path) -> Option<App> {
    let db = Db::open(&format!("sqlite:{}", file.display())).await.ok()?;
    let ring = RingSource::File(world.folder.path().join("ring/master.key"));
    let Ok(vault) = open_vault::open_vault(&db, &ring, world.clock.now(), &Entropy::System).await else {
        db.close().await;
        return None;
    };
    let settings = [("CARTKEY_PUBLIC_URL".to_owned(), KEYS.to_owned())].into();
    let site = Config::read(settings).unwrap().site;
    Some(App::new(db, vault, world.client(), world.clock.clone(), Entropy::System, site))
}

/// The key that is lent for a merchant.
async fn lent(app: &App, token: &str, user: &str) -> Option<(String, String, String)> {
    let (token, id) = (Secret::new(token.to_owned()), RequestId::mint(app.now(), &app.entropy));
    let request = lend::Request { token: &token, id: &id, from: [127, 0, 0, 1].into(), has: None };
    match lend::keys(app, &request, &Which::User(user.parse().unwrap(), None)).await {
        Ok(Lent::Keys(keys)) => Some((
            keys.store().home.to_string(),
            keys.pair.consumer_key.expose().to_owned(),
            keys.pair.consumer_secret.expose().to_owned(),
        )),
        Ok(Lent::Same(_)) | Err(_) => None,
    }
}

#[tokio::test]
async fn from_a_damaged_file_the_right_key_is_lent_or_none() {
    let world = World::new().await;
    if !is_file(&world.app.db) {
        return;
    }
    for user in USERS {
        world.connect(user).await;
    }
    let token = world.service("keys:read").await.token;
    let mut right = Vec::new();
    for user in USERS {
        right.push(lent(&world.app, &token, user).await.expect("its key"));
    }
    assert_ne!(right[0], right[1]);
    fold_wal(&world.app.db).await;
    let sound = fs::read(world.folder.path().join("cartkey.db")).unwrap();
    let (mut refused, mut set_aside, mut served) = (0, 0, 0);
    for n in 0..240 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cartkey.db");
        let mut image = sound.clone();
        damage(&mut image, n);
        fs::write(&file, image).unwrap();
        let Some(app) = start(&world, &file).await else {
            refused += 1;
            continue;
        };
        for (user, right) in USERS.iter().zip(&right) {
            match lent(&app, &token, user).await {
                Some(key) => assert_eq!(key, *right, "damage {n}"),
                None => set_aside += 1,
            }
            served += 1;
        }
        app.db.close().await;
    }
    assert!(refused > 0 && set_aside > 0 && set_aside < served, "{refused} refused, {set_aside} of {served} set aside");
}
