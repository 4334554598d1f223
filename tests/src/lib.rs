//! The rig of the end-to-end tests: the real client against the emulator, in this process or over a socket.
//!
//! [`InProcess`] is the `Transport` without sockets; [`World`] is a server, a folder and a caller for one test.

pub mod fuzz;
mod in_process;
mod oss_command;
#[cfg(unix)]
mod waiting;
mod world;

pub use in_process::InProcess;
pub use oss_command::oss;
#[cfg(unix)]
pub use waiting::{lock_file, waiting_for_lock};
pub use world::{BUCKET, ID, REGION, SECRET, World, bytes};
