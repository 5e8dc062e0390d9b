//! HTTP: parses requests, calls one flow, renders the result. Each surface renders failures in its own way, at the
//! router's edge.

pub mod admin;
pub mod api;
pub mod assets;
mod body_deadline;
pub mod brand_assets;
mod button;
pub mod docs;
mod edge;
mod etag;
pub mod failure;
pub mod failure_page;
mod form;
mod guard;
mod hook;
pub mod i18n;
mod language;
pub mod merchant;
mod multipart;
mod ops;
pub mod page;
pub mod problem;
pub mod stream;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use tower::{Service, ServiceExt as _};

use crate::app::App;
use edge::Surface;

pub use edge::add_headers;
pub use guard::{Peer, client_of, is_trusted};

/// What a listener serves. Cheap to clone.
#[derive(Clone)]
pub struct Routes {
    router: Router,
    /// Set where keys are lent: the usual request for one bypasses the router.
    lends: Option<App>,
}

impl From<Router> for Routes {
    fn from(router: Router) -> Self {
        Self { router, lends: None }
    }
}

impl Service<Request> for Routes {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if let Some(app) = &self.lends
            && let Some(direct) = api::Direct::of(&request)
        {
            return Box::pin(direct.answer(app.clone(), request));
        }
        Box::pin(self.router.clone().oneshot(request))
    }
}

/// All surfaces on one listener; metrics only for this machine.
pub fn all(app: &App) -> Routes {
    let metrics = dressed(ops::metrics_for_this_machine(), app, Surface::Machine);
    let router = outside(app).merge(metrics).merge(dashboard(app)).merge(docs(app)).nest("/api", api(app));
    Routes { router, lends: Some(app.clone()) }
}

/// The public surface: merchants, stores, and health checks.
pub fn public(app: &App) -> Routes {
    outside(app).into()
}

fn outside(app: &App) -> Router {
    let pages = merchant::routes().merge(files()).merge(button::routes());
    let machine = dressed(ops::routes(), app, Surface::Machine);
    let hook = dressed(hook::routes(), app, Surface::Hook);
    dressed(pages, app, Surface::Page).merge(machine).nest("/wc-auth", hook)
}

/// The internal surface: operators, services, documentation, health checks and metrics.
pub fn internal(app: &App) -> Routes {
    let machine = dressed(ops::routes().merge(ops::metrics()), app, Surface::Machine);
    let files = dressed(files(), app, Surface::Page);
    let router = files.merge(dashboard(app)).merge(docs(app)).merge(machine).nest("/api", api(app));
    Routes { router, lends: Some(app.clone()) }
}

fn api(app: &App) -> Router {
    dressed(api::routes(app), app, Surface::Api).merge(dressed(api::proxy_routes(app), app, Surface::Proxy))
}

fn files() -> Router<App> {
    assets::routes().merge(brand_assets::routes())
}

fn docs(app: &App) -> Router {
    dressed(docs::routes(), app, Surface::Machine)
}

fn dashboard(app: &App) -> Router {
    dressed(admin::routes(), app, Surface::Admin)
}

fn dressed(routes: Router<App>, app: &App, surface: Surface) -> Router {
    // These are merged into a router that already has a fallback; two fallbacks cannot be merged.
    let routes = match surface {
        Surface::Machine | Surface::Admin | Surface::Proxy => routes,
        Surface::Page => routes.fallback(merchant::stray).method_not_allowed_fallback(failure::method_not_allowed),
        _ => routes.fallback(failure::not_found).method_not_allowed_fallback(failure::method_not_allowed),
    };
    edge::render(routes, app, surface).with_state(app.clone())
}
