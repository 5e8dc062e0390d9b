//! `cartkey demo`.

/// Runs it.
pub async fn run() -> anyhow::Result<()> {
    Ok(())
}
