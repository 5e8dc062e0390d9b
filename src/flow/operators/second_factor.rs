//! Second factor: turned on with a code from the authenticator app, with recovery codes in case the phone is lost.

use crate::app::App;
use crate::domain::{Actor, Event, Fingerprint, Kind, Operator, OperatorId, Secret};
use crate::flow::{Beneath, takes_in_beneath};
use crate::storage::operators;
use crate::vault::password::SecondFactor;
use crate::vault::{Place, fingerprint};

/// The number of recovery codes issued.
pub const RECOVERY_CODES: usize = 10;
/// The alphabet of recovery codes, without characters that are easily confused.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Why the second factor cannot be turned on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the code is wrong")]
    Code,
    #[error("the second factor is on already")]
    OnAlready,
    #[error("the secret is malformed")]
    Secret,
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// Creates a second factor without saving it: the page shows it and submits it with the first code.
pub fn mint(app: &App, operator: &Operator) -> SecondFactor {
    SecondFactor::mint(&app.entropy, app.site.app_name.as_str(), operator.name.as_str())
}

/// Restores a second factor from the letters that the page submits.
pub fn of_letters(app: &App, operator: &Operator, letters: &Secret) -> Result<SecondFactor, Error> {
    SecondFactor::of_letters(letters, app.site.app_name.as_str(), operator.name.as_str()).ok_or(Error::Secret)
}

/// Turns the second factor on after verifying `code`, and ends all sessions except `here`. Returns the recovery codes, which are
/// stored only as fingerprints.
pub async fn turn_on(
    app: &App,
    operator: &Operator,
    factor: &SecondFactor,
    code: &str,
    here: &Fingerprint,
    actor: &Actor,
) -> Result<Vec<Secret>, Error> {
    let now = app.now();
    let step = factor.step(code, now).ok_or(Error::Code)?;
    let codes: Vec<Secret> = (0..RECOVERY_CODES).map(|_| recovery_code(app)).collect();
    let kept: Vec<_> = codes.iter().map(fingerprint).collect();
    let sealed = app.vault.seal(&app.entropy, &Place::second_factor(&operator.id), &factor.bytes());
    let event = Event::new(Kind::OperatorSecondFactorOn, now, actor).operator(&operator.id);
    if !operators::set_second_factor(&app.db, &operator.id, &sealed, step, &kept, here, &event).await? {
        return Err(Error::OnAlready);
    }
    Ok(codes)
}

pub async fn turn_off(app: &App, operator: &Operator, actor: &Actor) -> Result<(), Beneath> {
    let event = Event::new(Kind::OperatorSecondFactorOff, app.now(), actor).operator(&operator.id);
    Ok(operators::drop_second_factor(&app.db, &operator.id, &event).await?)
}

/// The number of unused recovery codes.
pub async fn codes_left(app: &App, operator: &Operator) -> Result<i64, Beneath> {
    Ok(operators::recovery_codes(&app.db, &operator.id).await?)
}

/// Whether `code` is a current, unused code of the authenticator app or an unused recovery code. Either is spent by this check.
pub(super) async fn is_code(app: &App, id: &OperatorId, code: &str, actor: &Actor) -> Result<bool, Beneath> {
    let Some(proof) = operators::by_id(&app.db, id).await? else { return Ok(false) };
    let Some(sealed) = proof.second_factor else { return Ok(false) };
    // If the second factor does not open, the recovery codes still work.
    let opened = app.vault.open(&Place::second_factor(id), &sealed).inspect_err(|error| {
        tracing::error!(operator.id = %id, %error, "an operator's second factor cannot be opened");
    });
    let factor = opened.ok().and_then(|bytes| SecondFactor::of(&bytes, "", ""));
    let step = factor.and_then(|factor| factor.step(code, app.now()));
    if let Some(step) = step {
        return Ok(operators::spend_step(&app.db, id, step).await?);
    }
    let typed: String = code.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let event = Event::new(Kind::OperatorRecoveryCodeSpent, app.now(), actor).operator(id);
    Ok(operators::spend_recovery_code(&app.db, id, &fingerprint(&Secret::new(spaced(&typed))), &event).await?)
}

/// Twenty characters, 100 random bits, in groups of five.
fn recovery_code(app: &App) -> Secret {
    let mut bytes = [0_u8; 20];
    app.entropy.fill(&mut bytes);
    let letters: String = bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect();
    Secret::new(spaced(&letters))
}

fn spaced(letters: &str) -> String {
    let mut code = String::with_capacity(letters.len() + letters.len() / 5);
    for (at, letter) in letters.chars().enumerate() {
        if at > 0 && at % 5 == 0 {
            code.push('-');
        }
        code.push(letter);
    }
    code
}
