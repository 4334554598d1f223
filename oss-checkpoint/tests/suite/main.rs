//! The promise of this crate, tested from outside: one file a theme.

mod classic_mistakes;
mod compare;
mod crash;
mod document;
mod faults;
mod format;
mod locking;
mod sample;
mod simulated_disk;
mod store;
