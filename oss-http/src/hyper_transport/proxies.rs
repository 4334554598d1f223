use super::socks5;
use crate::endpoint::{check_host, split_port};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use std::fmt;

/// Which servers are reached through which proxy.
///
/// A proxy is `http://[USER:PASSWORD@]HOST[:PORT]` (CONNECT, for `http` servers too, so that the proxy sees no signed
/// request it could change; port 80) or `socks5://[USER:PASSWORD@]HOST[:PORT]` (port 1080; `socks5h` is the same, names
/// are always looked up by the proxy). A character of the user name or the password that a URL cannot hold is
/// percent-encoded.
///
/// ```
/// use oss_http::Proxies;
///
/// let proxies = Proxies::parse("http://me:secret@proxy.example:3128")?.except(".example, 10.0.0.0/8");
/// assert!(!format!("{proxies:?}").contains("secret"));
/// # Ok::<(), oss_http::ProxyError>(())
/// ```
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    except: String,
    /// What is on this machine is reached without a proxy.
    spare_local: bool,
}

/// A text that is no proxy. It is not repeated, since it may hold a password. Mend it; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is no proxy: {reason}", .variable.unwrap_or("the text"))]
#[non_exhaustive]
pub struct ProxyError {
    /// The environment variable that holds it.
    pub variable: Option<&'static str>,
    /// The rule that it breaks.
    pub reason: &'static str,
}

/// Loopback, and Alibaba Cloud's metadata service, which no proxy can reach for this machine.
const LOCAL: &str = "localhost,127.0.0.0/8,::1,100.100.100.200";

/// Checked, with its port.
#[derive(Clone)]
struct Proxy {
    scheme: &'static str,
    /// `USER[:PASSWORD]@`, percent-encoded, or nothing.
    user: String,
    /// `HOST:PORT`.
    address: String,
}

impl Proxies {
    /// Every server is reached directly.
    pub fn none() -> Self {
        Self::default()
    }

    /// One proxy for all servers, those on this machine too.
    ///
    /// # Errors
    /// [`ProxyError`], with the rule that the text breaks.
    pub fn parse(url: &str) -> Result<Self, ProxyError> {
        let proxy = Proxy::parse(url).map_err(|reason| ProxyError { variable: None, reason })?;
        Ok(Self { http: Some(proxy.clone()), https: Some(proxy), except: String::new(), spare_local: false })
    }

    /// What the environment says: `HTTPS_PROXY` for `https` servers, `HTTP_PROXY` for `http` ones, `ALL_PROXY` where
    /// those are not set, and `NO_PROXY` as in [`except`](Self::except). Each is also read in lower case, where the
    /// upper-case one is not set; an empty one is not set. Under CGI (`REQUEST_METHOD` is set) `HTTP_PROXY` may be a
    /// stranger's and is not read.
    ///
    /// Loopback addresses, `localhost` and the metadata service (100.100.100.200) are always reached directly.
    ///
    /// # Errors
    /// [`ProxyError`] names the variable: going on without a proxy that was asked for would be wrong.
    pub fn from_environment() -> Result<Self, ProxyError> {
        Self::from_variables(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    fn from_variables(read: impl Fn(&str) -> Option<String>) -> Result<Self, ProxyError> {
        let set = |name: &str| read(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let proxy = |names: [&'static str; 2]| match names.into_iter().find_map(|name| Some((name, set(name)?))) {
            None => Ok(None),
            Some((name, text)) => {
                Proxy::parse(&text).map(Some).map_err(|reason| ProxyError { variable: Some(name), reason })
            }
        };
        let cgi = set("REQUEST_METHOD").is_some();
        let all = proxy(["ALL_PROXY", "all_proxy"])?;
        Ok(Self {
            http: proxy([if cgi { "http_proxy" } else { "HTTP_PROXY" }, "http_proxy"])?.or_else(|| all.clone()),
            https: proxy(["HTTPS_PROXY", "https_proxy"])?.or(all),
            except: set("NO_PROXY").or_else(|| set("no_proxy")).unwrap_or_default(),
            spare_local: true,
        })
    }

    /// The hosts that are reached directly, with commas between: `example.com` or `.example.com` (that domain and all
    /// below it, on every port), an address, a network (`10.0.0.0/8`), or `*` for all. It stands in the place of any
    /// earlier list.
    #[must_use]
    pub fn except(mut self, hosts: &str) -> Self {
        hosts.clone_into(&mut self.except);
        self
    }

    pub(super) fn matcher(&self) -> Matcher {
        let url = |proxy: &Option<Proxy>| proxy.as_ref().map_or(String::new(), Proxy::url);
        // `*.example.com` is how other programs write `.example.com`.
        let spared = if self.spare_local { LOCAL } else { "" };
        let hosts = self
            .except
            .split(',')
            .map(|host| host.trim().strip_prefix('*').filter(|rest| !rest.is_empty()).unwrap_or(host.trim()));
        let except = hosts.chain([spared]).collect::<Vec<_>>().join(",");
        Matcher::builder().http(url(&self.http)).https(url(&self.https)).no(except).build()
    }
}

/// The proxy's name in words: no user name, no password.
pub(super) fn name(proxy: &Intercept) -> String {
    let authority = proxy.uri().authority().map_or("", |authority| authority.as_str());
    format!("{}://{authority}", proxy.uri().scheme_str().unwrap_or_default())
}

impl Proxy {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.trim().split_once("://").unwrap_or(("http", text.trim()));
        let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => ("http", 80),
            "socks5" | "socks5h" => ("socks5", 1080),
            "https" => return Err("a proxy is not spoken to over TLS: write http://HOST:PORT"),
            _ => return Err("the scheme must be http or socks5"),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '\\']) {
            return Err(
                "it must be a host and a port, without a path (in a password, / ? # and \\ are percent-encoded)",
            );
        }
        let (user, authority) = rest.rsplit_once('@').map_or(("", rest), |(user, rest)| (user, rest));
        let (host, port) = split_port(authority)?;
        let address = format!("{}:{}", check_host(host)?.0, port.unwrap_or(default_port));
        let user = if user.is_empty() { String::new() } else { format!("{user}@") };
        let proxy = Self { scheme, user, address };
        proxy.check_user()?;
        Ok(proxy)
    }

    /// The user name and the password must come through as they were meant.
    fn check_user(&self) -> Result<(), &'static str> {
        const ENCODE: &str = "the user name and the password must be percent-encoded where a URL cannot hold them";
        if self.user.matches('@').count() > 1 {
            return Err(ENCODE);
        }
        let probe = Matcher::builder().all(self.url()).build();
        let Some(found) = probe.intercept(&http::Uri::from_static("http://probe/")) else { return Err(ENCODE) };
        if found.raw_auth().is_some_and(|(user, password)| user.len().max(password.len()) > socks5::MAX_TEXT) {
            return Err("the user name or the password is longer than SOCKS5 takes (255 bytes)");
        }
        Ok(())
    }

    fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.user, self.address)
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("http", &self.http)
            .field("https", &self.https)
            .field("except", &self.except)
            .field("spare_local", &self.spare_local)
            .finish()
    }
}

/// Without user name and password.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn way(proxies: &Proxies, server: &str) -> Option<String> {
        proxies.matcher().intercept(&server.parse().unwrap()).map(|proxy| name(&proxy))
    }

    fn from(variables: &[(&str, &str)]) -> Result<Proxies, ProxyError> {
        let variables: HashMap<_, _> = variables.iter().copied().collect();
        Proxies::from_variables(|name| variables.get(name).map(|value| (*value).to_owned()))
    }

    #[test]
    fn every_spelling_of_a_proxy_has_its_scheme_and_port() {
        for (text, name) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("proxy", "http://proxy:80"),
            ("Proxy.Example:8080/", "http://proxy.example:8080"),
            ("me:pw@proxy:1", "http://proxy:1"),
            ("SOCKS5://[::1]", "socks5://[::1]:1080"),
            ("socks5h://me:p%40w@10.0.0.1:9", "socks5://10.0.0.1:9"),
        ] {
            let proxies = Proxies::parse(text).unwrap();
            assert_eq!(way(&proxies, "https://h.example").as_deref(), Some(name), "{text}");
            assert_eq!(way(&proxies, "http://127.0.0.1").as_deref(), Some(name), "{text}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_repeating_it() {
        for text in [
            "",
            "http://",
            "https://proxy:443",
            "socks4://proxy",
            "ftp://proxy",
            "http://proxy:0",
            "http://proxy:99999",
            "http://proxy/path",
            "http://proxy?x",
            "http://top-secret@",
            "http://me:top-secret@a@proxy",
            "http://me:top secret@proxy",
            "http://me:top-secret\r\nx: y@proxy",
            "http://proxy\r\nx: y:80",
            "::1",
        ] {
            let error = Proxies::parse(text).unwrap_err();
            assert!(!format!("{error:?} {error}").contains("top-secret"), "{error}");
        }
        assert!(Proxies::parse(&format!("socks5://{}:x@proxy", "u".repeat(256))).is_err());
    }

    #[test]
    fn user_and_password_are_decoded_and_never_shown() {
        let proxies = Proxies::parse("http://m%40e:top%2Fsecret@proxy:1").unwrap();
        let found = proxies.matcher().intercept(&"http://h".parse().unwrap()).unwrap();
        // base64 of "m@e:top/secret".
        assert_eq!(found.basic_auth().unwrap(), "Basic bUBlOnRvcC9zZWNyZXQ=");
        let socks = Proxies::parse("socks5://m%40e:top%2Fsecret@proxy:1").unwrap();
        let found = socks.matcher().intercept(&"http://h".parse().unwrap()).unwrap();
        assert_eq!(found.raw_auth(), Some(("m@e", "top/secret")));
        for shown in [format!("{proxies:?}"), format!("{found:?}"), format!("{:?}", socks.matcher())] {
            assert!(shown.contains("proxy:1") && !shown.contains("secret") && !shown.contains("m@e"), "{shown}");
        }
    }

    #[test]
    fn the_environment_says_which_proxy_is_for_which_scheme() {
        let (secure, plain) = ("https://h.example", "http://h.example");
        let both = |variables: &[(&str, &str)]| {
            let proxies = from(variables).unwrap();
            (way(&proxies, secure), way(&proxies, plain))
        };
        let is = |port: u16| Some(format!("http://p:{port}"));
        assert_eq!(both(&[]), (None, None));
        assert_eq!(both(&[("HTTPS_PROXY", "p:1")]), (is(1), None));
        assert_eq!(both(&[("http_proxy", "p:1")]), (None, is(1)));
        assert_eq!(both(&[("ALL_PROXY", "p:1"), ("HTTP_PROXY", "p:2")]), (is(1), is(2)));
        assert_eq!(both(&[("all_proxy", "p:1"), ("HTTPS_PROXY", "")]), (is(1), is(1)));
        assert_eq!(both(&[("HTTPS_PROXY", "p:1"), ("https_proxy", "p:2")]), (is(1), None));
        let cgi = ("REQUEST_METHOD", "GET");
        assert_eq!(both(&[("HTTP_PROXY", "p:1"), cgi]), (None, None));
        assert_eq!(both(&[("http_proxy", "p:1"), cgi]), (None, is(1)));
        let error = from(&[("https_proxy", "https://me:top-secret@p")]).unwrap_err();
        assert_eq!(error.variable, Some("https_proxy"));
        assert!(error.to_string().starts_with("https_proxy is no proxy") && !error.to_string().contains("secret"));
    }

    #[test]
    fn the_hosts_on_the_list_and_this_machine_are_spared() {
        let list = "a.example, .b.example,*.c.example,10.0.0.0/8,fe80::/16,192.0.2.7";
        let proxies = from(&[("ALL_PROXY", "p:1"), ("NO_PROXY", list)]).unwrap();
        let spared = |host: &str| way(&proxies, &format!("https://{host}")).is_none();
        for host in [
            "a.example",
            "x.a.example",
            "B.example",
            "x.b.example",
            "x.c.example:8443",
            "10.9.8.7",
            "[fe80::1]",
            "192.0.2.7",
            "localhost:1",
            "127.0.0.1:9",
            "127.8.8.8",
            "[::1]:9",
            "100.100.100.200",
        ] {
            assert!(spared(host), "{host}");
        }
        for host in ["xa.example", "example", "11.0.0.1", "[fe00::1]", "192.0.2.8", "100.100.100.201"] {
            assert!(!spared(host), "{host}");
        }
        assert!(way(&proxies.clone().except("*"), "https://h.example").is_none());
        let replaced = proxies.except("z.example");
        assert!(way(&replaced, "https://a.example").is_some() && way(&replaced, "https://127.0.0.1").is_none());
        let given = Proxies::parse("p:1").unwrap().except("a.example");
        assert!(way(&given, "https://a.example").is_none() && way(&given, "https://127.0.0.1").is_some());
    }
}
