//! OSS's rules, asked with signed requests.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in the functions it calls")]

mod buckets;
mod callbacks;
mod client;
mod disk;
mod faults;
mod listing;
mod multipart;
mod object_headers;
mod objects;
mod signatures;
mod socket;
mod versions;
