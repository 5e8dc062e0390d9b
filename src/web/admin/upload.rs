//! A file posted from a page of the operator's session.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::guard::{FORM_TOKEN, SignedIn, check_token};
use crate::app::App;
use crate::domain::NotALogo;
use crate::web::body_deadline;
use crate::web::form::Fields;
use crate::web::guard::same_site;
use crate::web::multipart;

/// The name of the file field.
const FILE: &str = "logo";

/// The maximum size of an upload, in bytes. Far more than a logo may have: an operator who uploads a photo should see
/// an error beside the field, which requires reading all of it, rather than a connection closed midway. Only signed-in
/// operators reach this.
const AT_MOST: usize = 8 * 1024 * 1024;

/// A form with one file, checked like any other form.
pub(super) struct PostedFile {
    pub who: SignedIn,
    /// The file, or why it cannot be the logo.
    pub file: Result<Vec<u8>, NotALogo>,
}

impl FromRequest<App> for PostedFile {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        same_site(&app.site, &parts.headers).map_err(IntoResponse::into_response)?;
        let who = SignedIn::from_request_parts(&mut parts, app).await?;
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.to_owned();
        body_deadline::allow(&parts, AT_MOST);
        let extensions = parts.extensions.clone();
        let body = match Bytes::from_request(Request::from_parts(parts, body), app).await {
            Ok(body) => body,
            // The form token is in the part that was not read. Nothing is changed, so no token is needed.
            Err(_) if body_deadline::is_too_large(&extensions) => {
                return Ok(Self { who, file: Err(NotALogo::TooLarge) });
            }
            Err(rejection) => return Err(rejection.into_response()),
        };
        let fields = multipart::read(&kind, &body).unwrap_or_default();
        let field = |name: &str| fields.iter().find(|field| field.name == name).map(|field| field.bytes);
        // Any other form may be one without a file: its token is in the usual field, and is checked too.
        let plain = Fields::of_form(&body).ok();
        let token = field(FORM_TOKEN).and_then(|token| std::str::from_utf8(token).ok());
        let token = token.or_else(|| plain.as_ref()?.get(FORM_TOKEN));
        check_token(&who, token).map_err(IntoResponse::into_response)?;
        Ok(Self { who, file: field(FILE).map(<[u8]>::to_vec).ok_or(NotALogo::Empty) })
    }
}
