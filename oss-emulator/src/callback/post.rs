//! One POST to a server on this machine.

use super::CallbackRequest;
use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::net::IpAddr;
use tokio::net::TcpStream;

/// OSS takes no longer answer.
const MAX_ANSWER: usize = 3 * 1024 * 1024;

/// Status and body; or, in words, why there are none. An emulator talks to nobody but this machine.
pub(super) async fn post(callback: &CallbackRequest) -> Result<(u16, Bytes), String> {
    let url = if callback.url.contains("://") { callback.url.clone() } else { format!("http://{}", callback.url) };
    let uri: Uri = url.parse().map_err(|_| "The callback URL is not valid.".to_owned())?;
    let host = uri.host().unwrap_or_default();
    let address: Option<IpAddr> = match host {
        "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
        host => host.trim_matches(['[', ']']).parse().ok(),
    };
    let Some(address) = address.filter(|address| address.is_loopback() && uri.scheme_str() == Some("http")) else {
        return Err("The emulator calls back http servers on loopback addresses only.".to_owned());
    };
    let broken = |error: &dyn std::fmt::Display| format!("The callback server cannot be reached: {error}.");
    let stream = TcpStream::connect((address, uri.port_u16().unwrap_or(80))).await.map_err(|error| broken(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    let exchange = async {
        let reply = sender.send_request(request(callback, &uri)).await.map_err(|error| broken(&error))?;
        let status = reply.status().as_u16();
        let body = Limited::new(reply.into_body(), MAX_ANSWER).collect().await.map_err(|error| broken(&error))?;
        Ok((status, body.to_bytes()))
    };
    let mut exchange = std::pin::pin!(exchange);
    // Both here, so that nothing runs on once this is dropped. A connection that ended may have left its answer.
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        _ = connection => exchange.await,
    }
}

fn request(callback: &CallbackRequest, uri: &Uri) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from(callback.body.clone())));
    *request.method_mut() = http::Method::POST;
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    *request.uri_mut() = path.parse().unwrap_or_default();
    let headers = [
        (header::HOST, uri.authority().map_or("", http::uri::Authority::as_str)),
        (header::CONTENT_TYPE, callback.content_type.as_str()),
        (header::USER_AGENT, "aliyun-oss-callback"),
        (header::CONNECTION, "close"),
    ];
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            request.headers_mut().insert(name, value);
        }
    }
    request
}
