/// The name of this host, as its kernel has it; empty where there is none.
///
/// It tells checkpoints of different hosts in one shared directory apart; it is not meant to resolve.
pub fn host_name() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    name
}
