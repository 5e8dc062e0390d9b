//! `cartkey operator`: who may sign in to the dashboard.

use std::io::{self, BufRead as _, IsTerminal as _, Write};

use anyhow::Context as _;
use clap::Subcommand;

use super::Usage;
use crate::app::App;
use crate::domain::{Actor, OperatorName, Secret};
use crate::flow::operators;

#[derive(Debug, Subcommand)]
pub(super) enum OperatorCommand {
    /// Add an operator; asks for a password.
    Add {
        /// The name they sign in with.
        name: OperatorName,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set an operator's password; ends all their sessions.
    Passwd {
        /// The name they sign in with.
        name: OperatorName,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
        /// Also turn off their second factor, if phone and recovery codes are lost.
        #[arg(long)]
        drop_second_factor: bool,
    },
    /// Remove an operator; ends all their sessions.
    Remove {
        /// The name they sign in with.
        name: OperatorName,
    },
    /// List the operators.
    List,
}

pub(super) async fn run(app: &App, command: OperatorCommand, out: &mut impl Write) -> anyhow::Result<()> {
    let actor = Actor::cli();
    match command {
        OperatorCommand::Add { name, password_stdin } => {
            let password = read_password(password_stdin)?;
            operators::add(app, name, &password, &actor).await?;
        }
        OperatorCommand::Passwd { name, password_stdin, drop_second_factor } => {
            let password = read_password(password_stdin)?;
            operators::set_password(app, &name, &password, &actor).await?;
            if drop_second_factor {
                operators::drop_second_factor(app, &name, &actor).await?;
            }
        }
        OperatorCommand::Remove { name } => operators::remove(app, &name, &actor).await?,
        OperatorCommand::List => {
            for operator in operators::all(app).await? {
                let factor = if operator.second_factor { "second factor" } else { "password only" };
                let seen = operator.signed_in_at.map_or_else(|| "never".to_owned(), |time| time.to_string());
                writeln!(out, "{}\t{}\t{factor}\tsigned in {seen}", operator.id, operator.name)?;
            }
        }
    }
    Ok(())
}

/// Reads the password from standard input, or twice from the terminal.
fn read_password(from_stdin: bool) -> anyhow::Result<Secret> {
    if from_stdin {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).context("cannot read standard input")?;
        return Ok(Secret::new(line.trim_end_matches(['\r', '\n']).to_owned()));
    }
    if !io::stdin().is_terminal() {
        return Err(Usage("there is no terminal to ask for the password; use --password-stdin".to_owned()).into());
    }
    let first = Secret::new(rpassword::prompt_password("Password: ")?);
    let again = Secret::new(rpassword::prompt_password("Again: ")?);
    if first.expose() != again.expose() {
        anyhow::bail!("the two passwords do not match");
    }
    Ok(first)
}
