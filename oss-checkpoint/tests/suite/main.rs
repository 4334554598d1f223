//! The promise of this crate, tested from outside: one file a theme.

mod classic_mistakes;
mod compare;
mod crash;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod directory_lock;
mod document;
mod faults;
mod format;
mod locking;
mod sample;
mod simulated_disk;
mod store;
