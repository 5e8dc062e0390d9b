//! Pictures of every page, for `scripts/screenshots`.

use std::path::PathBuf;

use base64::Engine as _;

use crate::chromium::{Browser, Manner};
use crate::places::places;
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "makes pictures for people: scripts/screenshots runs it"]
async fn every_page_as_a_picture() {
    let folder = PathBuf::from(std::env::var("PICTURES").expect("PICTURES names the folder"));
    let world = World::new().await;
    let browser = Browser::open(&world, Manner::default()).await;
    for place in places(&world, &browser).await {
        let name = &place.name;
        for scheme in ["light", "dark"] {
            for (form, width, height) in [("desktop", 1280, 900), ("phone", 390, 844)] {
                browser.prefers(scheme).await;
                browser.is_sized(width, height).await;
                browser.visit(&place).await;
                let png = base64::engine::general_purpose::STANDARD.decode(browser.picture().await).unwrap();
                std::fs::write(folder.join(format!("{name}-{form}-{scheme}.png")), png).unwrap();
            }
        }
    }
}
