use std::sync::OnceLock;

/// The name of this host, as its kernel had it when it was asked first; empty where there is none.
///
/// It tells checkpoints of different hosts in one shared directory apart; it is not meant to resolve.
pub fn host_name() -> String {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(of_the_kernel).clone()
}

fn of_the_kernel() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    name
}
