//! The sample application in a story's world.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use cartkey::demo::sample_app::{self, Settings};
use cartkey::domain::actor::Actor;
use cartkey::domain::entropy::Entropy;
use cartkey::flow::lending::tokens::{self, NewToken};
use cartkey::serve::{self, Limits};
use cartkey::woo::Resolver;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::world::{KEYS, World, terminate_tls};

/// The application's address.
pub const APP: &str = "https://app.example";

/// Starts the sample application at [`APP`] in `world`; it stops when the result is dropped.
pub async fn start(world: &mut World) -> watch::Sender<bool> {
    let permissions = "links:write,stores:read".parse().unwrap();
    let (_, token) =
        tokens::issue(&world.app, NewToken::new("sample", permissions), &Actor::new("test")).await.unwrap();
    let settings = Settings {
        api: KEYS.to_owned(),
        token,
        cartkey: KEYS.to_owned(),
        origin: APP.to_owned(),
        client: world.client(),
        entropy: Entropy::System,
    };
    serve_at_app(world, sample_app::router(settings)).await
}

/// Serves a router at [`APP`] in `world`; it stops when the result is dropped.
pub async fn serve_at_app(world: &mut World, router: Router) -> watch::Sender<bool> {
    let (front, listener) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let (address, inner) = (front.local_addr().unwrap(), listener.local_addr().unwrap());
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(serve::accept(listener, router, Limits::default(), stopped));
    tokio::spawn(terminate_tls(front, world.tls.clone(), inner));
    let Resolver::Fixed(names) = &world.names else { panic!("a world has its own names") };
    let mut names: HashMap<_, _> = names.as_ref().clone();
    names.insert("app.example".to_owned(), vec![address]);
    world.names = Resolver::Fixed(Arc::new(names));
    stop
}
