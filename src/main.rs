//! The `cartkey` program.

fn main() {}
