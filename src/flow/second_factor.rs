//! Second factor: turned on with a code of the telephone, and the recovery codes for the day the telephone is lost.

use super::{Beneath, takes_in_beneath};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::event::{Event, Kind};
use crate::domain::id::OperatorId;
use crate::domain::operator::Operator;
use crate::domain::secret::{Fingerprint, Secret};
use crate::storage::operators;
use crate::vault::password::SecondFactor;
use crate::vault::{Place, fingerprint};

/// How many recovery codes are given.
pub const RECOVERY_CODES: usize = 10;
/// The letters and digits of recovery codes: none that is easily taken for another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Why the second factor cannot be turned on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The code is not what the telephone shows now.
    #[error("the code is wrong")]
    Code,
    /// There is one already, turned on elsewhere meanwhile.
    #[error("the second factor is on already")]
    OnAlready,
    /// The secret that came back is not one.
    #[error("the secret is not one of ours")]
    Secret,
    /// The database.
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// A new second factor, not kept yet: the page shows it and brings it back with the first code.
pub fn mint(app: &App, operator: &Operator) -> SecondFactor {
    SecondFactor::mint(&app.entropy, app.site.app_name.as_str(), operator.name.as_str())
}

/// The same, from the letters that the page brings back.
pub fn of_letters(app: &App, operator: &Operator, letters: &Secret) -> Result<SecondFactor, Error> {
    SecondFactor::of_letters(letters, app.site.app_name.as_str(), operator.name.as_str()).ok_or(Error::Secret)
}

/// Turns the second factor on once its code was shown, and ends all sessions but `here`; gives the recovery codes, which are
/// kept nowhere in the open.
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

/// Turns the second factor off.
pub async fn turn_off(app: &App, operator: &Operator, actor: &Actor) -> Result<(), Beneath> {
    let event = Event::new(Kind::OperatorSecondFactorOff, app.now(), actor).operator(&operator.id);
    Ok(operators::drop_second_factor(&app.db, &operator.id, &event).await?)
}

/// How many recovery codes are left.
pub async fn codes_left(app: &App, operator: &Operator) -> Result<i64, Beneath> {
    Ok(operators::recovery_codes(&app.db, &operator.id).await?)
}

/// Whether `code` is what the operator's telephone shows, for the first time, or one of their recovery codes, which is
/// spent by that.
pub(super) async fn is_code(app: &App, id: &OperatorId, code: &str, actor: &Actor) -> Result<bool, Beneath> {
    let Some(proof) = operators::by_id(&app.db, id).await? else { return Ok(false) };
    let Some(sealed) = proof.second_factor else { return Ok(false) };
    // One that does not open leaves the recovery codes.
    let opened = app.vault.open(&Place::second_factor(id), &sealed).inspect_err(|error| {
        tracing::error!(operator.id = %id, %error, "the second factor of an operator does not open");
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

/// Twenty letters and digits, 100 random bits, in groups of five.
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
