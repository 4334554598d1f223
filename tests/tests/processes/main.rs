//! The real command as people run it: several at once, interrupted, from another place, by another user.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

mod command;
mod interrupts;
mod locks;
mod places;
