//! Through which proxy the service is reached.

use crate::failure::Failure;
use oss_client::{Proxies, ProxyError};
use std::fmt;

const HEADING: &str = "Proxy";
const PROXY: &str = "http://[USER:PASSWORD@]HOST:PORT or socks5://…, for every server; none for no proxy. A password is \
safer in a variable, which other users cannot see [default: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY; never for this machine]";

/// The proxy, and the hosts that are reached without it.
#[derive(Debug, clap::Args)]
pub(crate) struct Proxy {
    #[arg(long, help_heading = HEADING, value_name = "URL", help = PROXY)]
    proxy: Option<Url>,
    /// Hosts to reach without it: example.com, 10.0.0.0/8, … or * [default: NO_PROXY, unless --proxy is given]
    #[arg(long, help_heading = HEADING, value_name = "LIST")]
    no_proxy: Option<String>,
}

/// It may hold a password, so that it is not shown. It is read only when it is used: clap would repeat a wrong one.
#[derive(Clone)]
struct Url(String);

impl Proxy {
    /// What the options say, and where they say nothing the environment.
    pub(crate) fn proxies(&self) -> Result<Proxies, Failure> {
        let proxies = match &self.proxy {
            Some(Url(text)) if text.eq_ignore_ascii_case("none") => Ok(Proxies::none()),
            Some(Url(text)) => Proxies::parse(text),
            None => Proxies::from_environment(),
        };
        let proxies = proxies.map_err(refused)?;
        Ok(match &self.no_proxy {
            Some(hosts) => proxies.except(hosts),
            None => proxies,
        })
    }
}

fn refused(error: ProxyError) -> Failure {
    let what = error.variable.map_or("--proxy cannot be used".to_owned(), |name| {
        format!("{name} cannot be used; --proxy none goes without it")
    });
    Failure::usage(anyhow::Error::new(error).context(what))
}

impl From<String> for Url {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Url(..)")
    }
}
