//! The `cartkey` program.

use std::process::ExitCode;

use cartkey::cli::{self, Arguments};
use clap::Parser as _;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    cartkey::keep_memory_private();
    match cli::run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(cli::exit_code(&error))
        }
    }
}

#[expect(clippy::print_stderr, reason = "the one line that says why a command failed, also before logging has started")]
fn complain(error: &anyhow::Error) {
    eprintln!("cartkey: {error:#}");
}
