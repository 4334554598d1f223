//! What recovery promises, situation by situation: real uploads of real files to the emulator, judged by its ledger.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

mod callbacks;
mod checkpoints;
mod file_changes;
mod listed_parts;
mod lost_complete;
mod object_headers;
mod odd_servers;
mod overwriting;
mod small_files;
mod strange_replies;
mod superseded;
// It asks Linux who waits for a lock.
#[cfg(target_os = "linux")]
mod two_at_once;
mod uploads_gone;
mod versioned_bucket;
mod watched;
