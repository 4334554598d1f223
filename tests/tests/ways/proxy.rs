//! Proxies, from options and from the environment.

use crate::rig::{Rig, SECRET};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A host that no name service knows: only the proxy can reach it.
const HOST: &str = "http://oss-test.invalid:8080";
const USER: &str = "me:pass%2Fword@";
/// base64 of `me:pass/word`.
const BASIC: &str = "proxy-authorization: Basic bWU6cGFzcy93b3Jk";

/// A proxy that connects every host to the rig's server, and notes which it was asked for.
struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

#[derive(Clone, Copy)]
enum Kind {
    Connect,
    ConnectWithPassword,
    Socks,
    SocksWithPassword,
    /// Answers every CONNECT with this status line.
    Refusing(&'static str),
    /// Some other server, that speaks first.
    Mail,
}

impl Proxy {
    async fn before(rig: &Rig, kind: Kind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (server, asked) = (rig.address(), Arc::<Mutex<Vec<String>>>::default());
        let seen = Arc::clone(&asked);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut socket, _)) = listener.accept().await {
                let seen = Arc::clone(&seen);
                connections.spawn(async move {
                    let Some(target) = greet(&mut socket, kind).await else { return };
                    seen.lock().unwrap().push(target);
                    let mut outside = TcpStream::connect(server).await.unwrap();
                    // Either side may end it.
                    let _ = tokio::io::copy_bidirectional(&mut socket, &mut outside).await;
                });
            }
        });
        Self { address, asked, _task: task }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// The host and port that was asked for, when the proxy opens it.
async fn greet(socket: &mut TcpStream, kind: Kind) -> Option<String> {
    match kind {
        Kind::Connect | Kind::ConnectWithPassword | Kind::Refusing(_) => {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.ok()?);
            }
            let head = String::from_utf8(head).unwrap();
            let status = match kind {
                Kind::Refusing(status) => status,
                Kind::ConnectWithPassword if !head.contains(BASIC) => "407 Proxy Authentication Required",
                _ => "200 Connection established",
            };
            socket.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await.ok()?;
            let target = head.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
            status.starts_with("200").then_some(target)
        }
        Kind::Mail => {
            socket.write_all(b"220 mail.example ESMTP\r\n").await.ok()?;
            socket.read_u8().await.ok()?;
            None
        }
        Kind::Socks | Kind::SocksWithPassword => socks(socket, matches!(kind, Kind::SocksWithPassword)).await,
    }
}

async fn socks(socket: &mut TcpStream, password: bool) -> Option<String> {
    let [_, methods] = read(socket).await?;
    let mut offered = vec![0; usize::from(methods)];
    socket.read_exact(&mut offered).await.ok()?;
    let method = if password { 2 } else { 0 };
    if !offered.contains(&method) {
        socket.write_all(&[5, 0xff]).await.ok()?;
        return None;
    }
    socket.write_all(&[5, method]).await.ok()?;
    if password {
        let message: [u8; 14] = read(socket).await?;
        let right = message == *b"\x01\x02me\x09pass/word";
        socket.write_all(&[1, u8::from(!right)]).await.ok()?;
        right.then_some(())?;
    }
    let [_, _, _, kind, length] = read(socket).await?;
    assert_eq!(kind, 3, "the name is sent, not looked up");
    let mut name = vec![0; usize::from(length)];
    socket.read_exact(&mut name).await.ok()?;
    let port = socket.read_u16().await.ok()?;
    socket.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
    Some(format!("{}:{port}", String::from_utf8(name).unwrap()))
}

async fn read<const N: usize>(socket: &mut TcpStream) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    socket.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}

#[tokio::test]
async fn every_kind_of_proxy_carries_the_upload() {
    let rig = Rig::new().await;
    for (kind, scheme, user) in [
        (Kind::Connect, "http", ""),
        (Kind::ConnectWithPassword, "http", USER),
        (Kind::Socks, "socks5", ""),
        (Kind::SocksWithPassword, "socks5h", USER),
    ] {
        let proxy = Proxy::before(&rig, kind).await;
        let url = format!("{scheme}://{user}{}", proxy.address);
        let ended = rig.cp(&["--endpoint", HOST, "--proxy", &url], &[]).await;
        rig.assert_stored(&ended);
        let asked = proxy.asked();
        assert!(!asked.is_empty() && asked.iter().all(|target| target == "demo.oss-test.invalid:8080"), "{asked:?}");
    }
}

#[tokio::test]
async fn the_environment_names_the_proxy_and_the_options_win() {
    let rig = Rig::new().await;
    let proxy = Proxy::before(&rig, Kind::ConnectWithPassword).await;
    let (right, nowhere) = (format!("http://{USER}{}", proxy.address), "http://127.0.0.1:1".to_owned());
    let away = ["--endpoint", HOST];
    for (options, variables) in [
        (vec![], vec![("HTTP_PROXY", &right)]),
        (vec![], vec![("http_proxy", &right), ("HTTPS_PROXY", &nowhere)]),
        (vec![], vec![("ALL_PROXY", &right)]),
        (vec!["--proxy", &right], vec![("HTTP_PROXY", &nowhere)]),
        // NO_PROXY is about the environment's own.
        (vec!["--proxy", &right], vec![("NO_PROXY", &"*".to_owned())]),
        (vec!["--no-proxy", "other.invalid"], vec![("HTTP_PROXY", &right), ("NO_PROXY", &"*".to_owned())]),
    ] {
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        rig.assert_stored(&rig.cp(&[&away[..], &options].concat(), &variables).await);
        assert!(!proxy.asked().is_empty(), "{options:?} {variables:?}");
    }
}

#[tokio::test]
async fn loopback_and_the_embedded_server_are_reached_without_the_environments_proxy() {
    let rig = Rig::new().await;
    let proxy = Proxy::before(&rig, Kind::Connect).await;
    let url = format!("http://{}", proxy.address);
    let all = [("ALL_PROXY", url.as_str())];
    rig.assert_stored(&rig.cp(&["--endpoint", &rig.url()], &all).await);
    let embedded = rig.cp(&["--endpoint", "embedded", "--proxy", "http://127.0.0.1:1"], &all).await;
    embedded.assert_says(0, &["verified"]);
    for options in [["--proxy", "none"], ["--no-proxy", "*"]] {
        let ended = rig.cp(&[&["--endpoint", &rig.url()][..], &options].concat(), &all).await;
        rig.assert_stored(&ended);
    }
    assert_eq!(proxy.asked(), Vec::<String>::new());
    // The option is for every server, this machine's too.
    rig.assert_stored(&rig.cp(&["--endpoint", &rig.url(), "--proxy", &url], &[]).await);
    assert!(!proxy.asked().is_empty());
}

#[tokio::test]
async fn a_proxy_that_says_no_is_named_with_what_to_do_and_its_password_nowhere() {
    let rig = Rig::new().await;
    for (kind, scheme, words, last) in [
        (
            Kind::ConnectWithPassword,
            "http",
            "it wants a user name and a password",
            "--proxy http://me:PASSWORD@127.0.0.1",
        ),
        (
            Kind::SocksWithPassword,
            "socks5",
            "it wants a user name and a password",
            "--proxy socks5://me:PASSWORD@127.0.0.1",
        ),
        (Kind::Refusing("403 Forbidden"), "http", "it answered 403", "--proxy none"),
        (Kind::Mail, "socks5", "is not such a proxy", "--proxy socks5://me:PASSWORD@127.0.0.1"),
    ] {
        let proxy = Proxy::before(&rig, kind).await;
        let url = format!("{scheme}://me:wrong-word@{}", proxy.address);
        let ended = rig.cp(&["--endpoint", HOST, "--proxy", &url, "--json", "--debug"], &[]).await;
        let name = format!("{scheme}://{}", proxy.address);
        ended.assert_says(1, &[&name, "demo.oss-test.invalid:8080", words]);
        assert!(ended.last_line().contains(last), "{}", ended.err);
        for hidden in ["wrong-word", "bWU6d3Jvbmctd29yZA", SECRET] {
            assert!(!ended.err.contains(hidden) && !ended.out.contains(hidden), "{}{}", ended.err, ended.out);
        }
        rig.assert_unasked(&ended);
    }
}

#[tokio::test]
async fn the_debug_log_names_the_proxy_and_neither_its_user_nor_its_password() {
    let rig = Rig::new().await;
    for (kind, scheme) in [(Kind::ConnectWithPassword, "http"), (Kind::SocksWithPassword, "socks5")] {
        let proxy = Proxy::before(&rig, kind).await;
        let url = format!("{scheme}://{USER}{}", proxy.address);
        let ended = rig.cp(&["--endpoint", HOST, "--debug"], &[("HTTP_PROXY", &url)]).await;
        rig.assert_stored(&ended);
        ended.assert_says(0, &["connected", &format!("{scheme}://{}", proxy.address)]);
        for hidden in ["pass%2Fword", "pass/word", "bWU6cGFzcy93b3Jk"] {
            assert!(!ended.err.contains(hidden), "{}", ended.err);
        }
    }
}

#[tokio::test]
async fn what_is_no_proxy_is_refused_before_any_connection_and_not_repeated() {
    let rig = Rig::new().await;
    let endpoint = rig.url();
    let endpoint = ["--endpoint", &endpoint];
    for (options, variables, words) in [
        (vec!["--proxy", "https://me:pass-word@p"], vec![], ["--proxy", "http://HOST:PORT"]),
        (vec!["--proxy", "socks4://me:pass-word@p"], vec![], ["--proxy", "http or socks5"]),
        (vec!["--proxy", "http://me:pass-word\r\nx: y@p"], vec![], ["--proxy", "percent-encoded"]),
        (vec![], vec![("HTTPS_PROXY", "ftp://me:pass-word@p")], ["HTTPS_PROXY", "--proxy none"]),
    ] {
        let ended = rig.cp(&[&endpoint[..], &options].concat(), &variables).await;
        ended.assert_says(2, &words);
        assert!(!ended.err.contains("pass-word"), "{}", ended.err);
        rig.assert_unasked(&ended);
    }
}

#[tokio::test]
async fn an_endpoint_that_begins_with_the_bucket_is_taken_and_said_to_be() {
    let rig = Rig::new().await;
    let proxy = Proxy::before(&rig, Kind::Connect).await;
    let url = format!("http://{}", proxy.address);
    let ended = rig.cp(&["--endpoint", "http://demo.oss-cn-hangzhou.aliyuncs.com", "--proxy", &url], &[]).await;
    ended.assert_says(0, &["note: ", "names the bucket demo already"]);
    rig.assert_stored(&ended);
    assert!(proxy.asked().iter().all(|target| target == "demo.oss-cn-hangzhou.aliyuncs.com:80"));
}

#[tokio::test]
async fn every_network_asks_its_own_host() {
    let rig = Rig::new().await;
    for (network, host) in [
        ("public", "demo.oss-cn-hangzhou.aliyuncs.com:443"),
        ("internal", "demo.oss-cn-hangzhou-internal.aliyuncs.com:443"),
        ("dual-stack", "demo.cn-hangzhou.oss.aliyuncs.com:443"),
        ("accelerate", "demo.oss-accelerate.aliyuncs.com:443"),
        ("accelerate-overseas", "demo.oss-accelerate-overseas.aliyuncs.com:443"),
    ] {
        let proxy = Proxy::before(&rig, Kind::Refusing("403 Forbidden")).await;
        let url = format!("http://{}", proxy.address);
        // The environment's endpoint gives way.
        let ended = rig.cp(&["--network", network, "--proxy", &url], &[("OSS_ENDPOINT", "http://127.0.0.1:1")]).await;
        ended.assert_says(1, &[host.strip_suffix(":443").unwrap(), "it answered 403"]);
    }
}

#[tokio::test]
async fn a_proxy_that_is_silent_is_given_up_and_an_internal_endpoint_is_explained() {
    let rig = Rig::new().await;
    // The connection stands in the queue and is never taken.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let impatient = ["--connect-timeout", "100ms", "--retry-budget", "300ms"];
    let ended = rig.cp(&[&["--network", "internal", "--proxy", &url][..], &impatient].concat(), &[]).await;
    ended.assert_says(3, &[&format!("through the proxy {url} within 100ms"), "an internal endpoint answers only"]);
    assert!(ended.last_line().contains("--network internal"), "{}", ended.err);
    assert!(ended.err.contains("cp --network public"), "{}", ended.err);
}
