//! The services that issue credentials, and the order in which they are asked.

mod chain;
mod desk;
mod ecs_role;
mod program;
mod sts;
