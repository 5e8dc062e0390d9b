//! Compiles anew when a migration is added: `sqlx::migrate!` reads them at compile time and cannot say so itself.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
