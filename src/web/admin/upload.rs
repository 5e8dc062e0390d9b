//! A file that an operator posted from a page of their session.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::guard::{FORM_TOKEN, SignedIn, check_token};
use crate::app::App;
use crate::domain::brand::NotALogo;
use crate::web::body_deadline;
use crate::web::form::Fields;
use crate::web::guard::same_site;
use crate::web::multipart;

/// The name of the field that holds the file.
const FILE: &str = "logo";

/// The most bytes of an upload. Far more than a logo may have: someone who sends a photograph sees an error beside the field,
/// which requires reading all of it; a connection that is cut off midway explains nothing. Only operators get that far.
const AT_MOST: usize = 8 * 1024 * 1024;

/// A form with one file; the same is checked as of any other form.
pub(super) struct PostedFile {
    /// Who posted it.
    pub who: SignedIn,
    /// The file.
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
            // The form's token is in what was not read. Nothing is done, so nothing has to be proven.
            Err(_) if body_deadline::is_too_large(&extensions) => {
                return Ok(Self { who, file: Err(NotALogo::TooLarge) });
            }
            Err(rejection) => return Err(rejection.into_response()),
        };
        let fields = multipart::read(&kind, &body).unwrap_or_default();
        let field = |name: &str| fields.iter().find(|field| field.name == name).map(|field| field.bytes);
        // What is no such form may be one without a file: its token stands elsewhere, and counts as well.
        let plain = Fields::of_form(&body).ok();
        let token = field(FORM_TOKEN).and_then(|token| std::str::from_utf8(token).ok());
        let token = token.or_else(|| plain.as_ref()?.get(FORM_TOKEN));
        check_token(&who, token).map_err(IntoResponse::into_response)?;
        Ok(Self { who, file: field(FILE).map(<[u8]>::to_vec).ok_or(NotALogo::Empty) })
    }
}
