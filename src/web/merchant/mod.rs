//! What a merchant sees and sends.

pub mod pages;
