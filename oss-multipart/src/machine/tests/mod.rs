//! The machine against a model of OSS, the disk and the file, in virtual time.

mod callbacks;
mod crashes;
mod faults;
mod link;
mod network;
mod scripts;
mod stopping;
mod world;
