//! The operator's account: password, second factor, sessions.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};

use super::guard::{Posted, SignedIn};
use super::qr::Qr;
use super::show::{Done, Notice, Section, Shell};
use super::sign_in::with_cookie;
use crate::app::App;
use crate::domain::{Operator, Secret, Session};
use crate::flow::{
    operators,
    operators::{second_factor, sign_in},
};
use crate::web::failure::Failure;
use crate::web::form::{Fields, Form, sentence};
use crate::web::page::{Page, Refused};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/account", get(look))
        .route("/admin/account/password", post(change_password))
        .route("/admin/account/second-factor", get(offer).post(turn_on))
        .route("/admin/account/second-factor/off", post(turn_off))
        .route("/admin/account/sessions/end", post(end_session))
}

#[derive(Template)]
#[template(path = "admin/account.html")]
struct AccountPage {
    shell: Shell,
    operator: Operator,
    codes_left: i64,
    /// Each session, and whether it is the current one.
    sessions: Vec<(bool, Session)>,
    all: Vec<Operator>,
    password_wrong: Option<String>,
    factor_wrong: Option<String>,
}

/// Asks for a code to turn on the second factor.
#[derive(Template)]
#[template(path = "admin/second_factor.html")]
struct FactorPage {
    shell: Shell,
    /// The secret to type into a phone; sent back with the code.
    letters: String,
    picture: Option<Qr>,
    /// Empty: a code is never typed twice.
    form: Form,
}

/// The recovery codes, shown once.
#[derive(Template)]
#[template(path = "admin/recovery_codes.html")]
struct CodesPage {
    shell: Shell,
    codes: Vec<String>,
}

async fn look(who: SignedIn) -> Result<Page<AccountPage>, Failure> {
    Ok(Page(page(&who).await?))
}

async fn page(who: &SignedIn) -> Result<AccountPage, Failure> {
    let sessions = sign_in::sessions_of(&who.app, &who.operator).await?;
    let is_mine = |session: &Session| session.fingerprint == who.session.fingerprint;
    Ok(AccountPage {
        shell: who.shell(Section::Account),
        operator: who.operator.clone(),
        codes_left: second_factor::codes_left(&who.app, &who.operator).await?,
        sessions: sessions.into_iter().map(|session| (is_mine(&session), session)).collect(),
        all: operators::all(&who.app).await?,
        password_wrong: None,
        factor_wrong: None,
    })
}

async fn change_password(Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let (old, new) = (fields.secret("password"), fields.secret("new"));
    let wrong = if fields.get("again") == Some(new.expose()) {
        match sign_in::change_password(&who.app, &who.operator, &old, &new, &who.actor).await {
            Ok(()) => {
                let answer = Redirect::to("/admin/sign-in?done=password-changed").into_response();
                return Ok(with_cookie(&who.app, None, answer));
            }
            Err(sign_in::Error::Weak(why)) => sentence(&why),
            Err(error) => not_proven(error)?.to_owned(),
        }
    } else {
        "The two new passwords do not match. Type both again.".to_owned()
    };
    Ok(Refused(AccountPage { password_wrong: Some(wrong), ..page(&who).await? }).into_response())
}

async fn offer(who: SignedIn) -> Result<Response, Failure> {
    if who.operator.second_factor {
        return Ok(Redirect::to("/admin/account").into_response());
    }
    let factor = second_factor::mint(&who.app, &who.operator);
    Ok(Page(factor_page(&who, &factor.letters(), &factor.address())).into_response())
}

async fn turn_on(Posted { who, fields }: Posted) -> Result<Response, Failure> {
    let factor = second_factor::of_letters(&who.app, &who.operator, &fields.secret("letters"));
    let factor = factor.map_err(factor_failure)?;
    let mut page = factor_page(&who, &factor.letters(), &factor.address());
    if let Err(error) = prove_again(&who, &fields).await {
        page.form.refuse("password", not_proven(error)?);
        return Ok(Refused(page).into_response());
    }
    let (app, code) = (&who.app, fields.get("code").unwrap_or_default());
    match second_factor::turn_on(app, &who.operator, &factor, code, &who.session.fingerprint, &who.actor).await {
        Ok(codes) => {
            let codes = codes.iter().map(|code| code.expose().to_owned()).collect();
            Ok(Page(CodesPage { shell: page.shell, codes }).into_response())
        }
        Err(second_factor::Error::Code) => {
            let says =
                "This is not the code that your phone shows now. Check the phone's clock, then type the newest code.";
            page.form.refuse("code", says);
            Ok(Refused(page).into_response())
        }
        Err(error) => Err(factor_failure(error)),
    }
}

async fn turn_off(Posted { who, fields }: Posted) -> Result<Response, Failure> {
    if let Err(error) = prove_again(&who, &fields).await {
        let wrong = Some(not_proven(error)?.to_owned());
        return Ok(Refused(AccountPage { factor_wrong: wrong, ..page(&who).await? }).into_response());
    }
    second_factor::turn_off(&who.app, &who.operator, &who.actor).await?;
    Ok(Done::to("/admin/account", Notice::SecondFactorOff).into_response())
}

async fn prove_again(who: &SignedIn, fields: &Fields) -> Result<(), sign_in::Error> {
    sign_in::prove_again(&who.app, &who.operator, &fields.secret("password"), &who.actor).await
}

async fn end_session(Posted { who, fields }: Posted) -> Result<Response, Failure> {
    // Sessions are identified by their start time: no session secret leaves the database.
    let began = fields.get("began").and_then(|began| began.parse::<i64>().ok());
    let all = sign_in::sessions_of(&who.app, &who.operator).await?;
    if let Some(session) = all.iter().find(|session| Some(session.created_at.millis()) == began) {
        sign_in::sign_out(&who.app, &who.operator, Some(&session.fingerprint), &who.actor).await?;
    }
    Ok(Done::to("/admin/account", Notice::SessionEnded).into_response())
}

fn factor_page(who: &SignedIn, letters: &Secret, address: &Secret) -> FactorPage {
    let spaced: Vec<&str> =
        letters.expose().as_bytes().chunks(4).filter_map(|four| std::str::from_utf8(four).ok()).collect();
    FactorPage {
        shell: who.shell(Section::Account),
        letters: spaced.join(" "),
        picture: Qr::of(address.expose()),
        form: Form::default(),
    }
}

/// The sentence for a rejected password; any other error is a failure.
fn not_proven(error: sign_in::Error) -> Result<&'static str, Failure> {
    match error {
        sign_in::Error::Busy => Ok("Too many people are signing in right now. Try again in a moment."),
        sign_in::Error::TooMany => Ok("Too many attempts. Wait 15 minutes, then try again."),
        sign_in::Error::Beneath(beneath) => Err(beneath.into()),
        _ => Ok("This is not your current password."),
    }
}

fn factor_failure(error: second_factor::Error) -> Failure {
    match error {
        second_factor::Error::Beneath(beneath) => beneath.into(),
        second_factor::Error::OnAlready => {
            let says = "Your second factor has already been turned on in another window. To move it to another phone, turn it off first.";
            Failure::conflict("second_factor_on", says)
        }
        _ => Failure::invalid("letters", "The second factor could not be read. Open the page again."),
    }
}
