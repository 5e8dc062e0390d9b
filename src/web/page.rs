//! Renders askama templates as responses.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A page to send as HTML with status 200; combine it with a status in a tuple for any other.
#[derive(Debug, Clone)]
pub struct Page<T>(pub T);

impl<T: askama::Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(html) => ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response(),
            Err(error) => {
                tracing::error!(%error, page = std::any::type_name::<T>(), "a page could not be rendered");
                let says = "Something went wrong on our side. Please try again in a minute.";
                (StatusCode::INTERNAL_SERVER_ERROR, says).into_response()
            }
        }
    }
}

/// A page whose form was not accepted: status 422.
pub struct Refused<T>(pub T);

impl<T: askama::Template> IntoResponse for Refused<T> {
    fn into_response(self) -> Response {
        (StatusCode::UNPROCESSABLE_ENTITY, Page(self.0)).into_response()
    }
}

/// The letter on an application's tile: the first letter or digit of its name, in upper case.
pub fn initial(name: &str) -> String {
    name.chars().find(|c| c.is_alphanumeric()).map_or_else(|| "•".to_owned(), |c| c.to_uppercase().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(askama::Template)]
    #[template(source = "<p>{{ says }}</p>", ext = "html")]
    struct Said<T: std::fmt::Display> {
        says: T,
    }

    struct Broken;

    impl std::fmt::Display for Broken {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            Err(std::fmt::Error)
        }
    }

    #[test]
    fn a_page_is_html() {
        let answer = Page(Said { says: "hello" }).into_response();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
    }

    #[test]
    fn a_page_that_cannot_be_rendered_is_a_500_and_no_half_page() {
        let answer = Page(Said { says: Broken }).into_response();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    }

    #[test]
    fn initials() {
        assert_eq!(initial("cartkey"), "C");
        assert_eq!(initial("“émile”"), "É");
        assert_eq!(initial(" "), "•");
    }
}
