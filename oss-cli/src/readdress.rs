//! When OSS refuses the way it was reached, or cannot be reached: the command that reaches the bucket by another one.

use crate::advice::step;
use crate::failure::Step;
use crate::shell;
use oss_client::{CertificateProblem, Endpoint, ProxyRefusal, ServiceError, TransportError};
use std::error::Error;
use std::ffi::OsString;

const FIND_IT: &str = "find the bucket's endpoint (the console shows it) and give it with --endpoint";
const OWN_DOMAIN: &str = "the public endpoint is closed to this bucket: bind a domain to it (console, the bucket's \
domain names) and type that for YOUR-DOMAIN; on a machine of Alibaba Cloud in that region --network internal works too";

/// The step, when the refusal is about the endpoint or the addressing.
pub(crate) fn another_way(argv: &[OsString], service: &ServiceError) -> Option<Step> {
    // The EC may change: it only stands in for a code that is not known.
    let closed = service.code.as_str() == "PublicEndpointForbidden" || service.ec.as_deref() == Some("0048-00000401");
    match service.code.as_str() {
        _ if closed => Some(own_domain(argv)),
        "SecondLevelDomainForbidden" => Some(virtual_host(argv)),
        _ => service.endpoint.as_deref().map(|named| wrong_endpoint(argv, Some(named))),
    }
}

/// The step, when no connection was made for a reason that the command line can mend.
pub(crate) fn not_connected(argv: &[OsString], error: &(dyn Error + 'static)) -> Option<Step> {
    match transport_error(error)? {
        TransportError::Certificate { problem, .. } => Some(certificate(argv, *problem)),
        TransportError::NoTls { .. } => Some(step(
            "if that server has no TLS and the network is trusted, write http:// before its host; else mend that, then",
            argv,
        )),
        TransportError::Proxy { source, .. } => Some(proxy(argv, *source)),
        _ => None,
    }
}

/// The step, when the same command may work, but hardly from here: an internal endpoint that does not answer.
pub(crate) fn unreachable(argv: &[OsString], error: &(dyn Error + 'static)) -> Option<Step> {
    let (TransportError::Connect { host, .. } | TransportError::ConnectTimeout { host, .. }) = transport_error(error)?
    else {
        return None;
    };
    let front = host.split_once("-internal.aliyuncs.com")?.0;
    let region = Endpoint::parse(&format!("{front}.aliyuncs.com"), None).ok()?.region_hint()?.to_owned();
    let mut argv = shell::with(&shell::without(argv, "--endpoint", true), "--network", Some("public"));
    if shell::value_of(&argv, "--region").is_none() {
        argv = shell::with(&argv, "--region", Some(&region));
    }
    Some(step("an internal endpoint answers only machines of Alibaba Cloud in its region; from elsewhere", &argv))
}

fn transport_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e TransportError> {
    let mut layers = std::iter::successors(Some(error), |layer| (*layer).source());
    layers.find_map(|layer| layer.downcast_ref())
}

fn certificate(argv: &[OsString], problem: CertificateProblem) -> Step {
    match problem {
        CertificateProblem::UnknownIssuer | CertificateProblem::SelfSigned => {
            let trusting = shell::with(argv, "--ca-file", Some("CA.pem"));
            step("if that CA is one to trust, put its certificate into a file (here CA.pem) and name it", &trusting)
        }
        CertificateProblem::OtherName => step("give the endpoint by a name that its certificate holds, then", argv),
        _ => step("once that is mended", argv),
    }
}

fn proxy(argv: &[OsString], refusal: ProxyRefusal) -> Step {
    match refusal {
        ProxyRefusal::Credentials => {
            step("correct the proxy's user name and password (in HTTPS_PROXY, ALL_PROXY or --proxy), then", argv)
        }
        ProxyRefusal::NotAProxy => step("correct the proxy (HTTPS_PROXY, ALL_PROXY or --proxy), then", argv),
        _ => {
            let direct = shell::with(&shell::without(argv, "--no-proxy", true), "--proxy", Some("none"));
            step("have the proxy let it through, or go without it", &direct)
        }
    }
}

/// Only an endpoint that parses is suggested: the text is the server's.
pub(crate) fn wrong_endpoint(argv: &[OsString], named: Option<&str>) -> Step {
    let Some(endpoint) = named.and_then(|text| Endpoint::parse(text, None).ok()) else {
        return step(FIND_IT, argv);
    };
    // It is one of OSS's own hosts: neither path style nor a custom domain.
    let plain = shell::without(&shell::without(argv, "--network", true), "--addressing", true);
    let mut argv = shell::with(&plain, "--endpoint", Some(&endpoint.to_string()));
    if let Some(region) = endpoint.region_hint() {
        argv = shell::with(&argv, "--region", Some(region));
    }
    step("use the endpoint that serves this bucket", &argv)
}

/// A custom domain does not tell the region, so that it must be said from now on.
fn own_domain(argv: &[OsString]) -> Step {
    let named = shell::value_of(argv, "--endpoint").and_then(|text| Endpoint::parse(text.to_str()?, None).ok());
    let region = named.as_ref().and_then(Endpoint::region_hint).filter(|_| shell::value_of(argv, "--region").is_none());
    let mut argv = shell::with(&shell::without(argv, "--network", true), "--addressing", Some("cname"));
    argv = shell::with(&argv, "--endpoint", Some("https://YOUR-DOMAIN"));
    if let Some(region) = region {
        argv = shell::with(&argv, "--region", Some(region));
    }
    step(OWN_DOMAIN, &argv)
}

fn virtual_host(argv: &[OsString]) -> Step {
    let named = shell::without(argv, "--addressing", true);
    if named == argv {
        return step("give the endpoint by its name, not by an address, with --endpoint", argv);
    }
    step("this server wants the bucket's name before the host", &named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oss_client::{ErrorCode, StatusCode};

    fn argv(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn refusal(code: &str) -> ServiceError {
        ServiceError::new(StatusCode::FORBIDDEN, ErrorCode::new(code), "")
    }

    fn command(line: &str, service: &ServiceError) -> String {
        another_way(&argv(line), service).unwrap().command
    }

    #[test]
    fn the_endpoint_the_server_names_is_the_one_to_type() {
        let mut service = refusal("AccessDenied");
        assert_eq!(another_way(&argv("oss cp f oss://demo/"), &service), None);
        service.endpoint = Some("oss-cn-beijing.aliyuncs.com".into());
        let expected = "oss cp --region cn-beijing --endpoint https://oss-cn-beijing.aliyuncs.com f oss://demo/";
        for line in [
            "oss cp f oss://demo/",
            "oss cp f oss://demo/ --region cn-hangzhou --network internal",
            "oss cp f oss://demo/ --endpoint=oss-cn-hangzhou.aliyuncs.com",
            "oss cp f oss://demo/ --endpoint files.example.com --addressing cname",
        ] {
            assert_eq!(command(line, &service), expected, "{line}");
        }
        service.endpoint = Some("$(reboot)".into());
        assert_eq!(command("oss cp f oss://demo/", &service), "oss cp f oss://demo/");
    }

    #[test]
    fn a_closed_public_endpoint_asks_for_a_domain_and_keeps_the_region() {
        let service = refusal("PublicEndpointForbidden");
        let expected =
            "oss cp --region cn-hangzhou --endpoint https://YOUR-DOMAIN --addressing cname f oss://demo/".to_owned();
        assert_eq!(command("oss cp f oss://demo/ --endpoint oss-cn-hangzhou.aliyuncs.com", &service), expected);
        let regional = command("oss cp f oss://demo/ --region cn-hangzhou --network public", &service);
        assert_eq!(
            regional,
            "oss cp --endpoint https://YOUR-DOMAIN --addressing cname f oss://demo/ --region cn-hangzhou"
        );
        let mut unnamed = refusal("SomethingNew");
        unnamed.ec = Some("0048-00000401".into());
        assert!(command("oss cp f oss://demo/", &unnamed).contains("--addressing cname"));
    }

    #[test]
    fn an_internal_endpoint_that_does_not_answer_has_a_public_one_beside_it() {
        let limit = std::time::Duration::from_secs(10);
        let silent = |host: &str| TransportError::ConnectTimeout { host: host.to_owned(), limit };
        for (line, expected) in [
            (
                "oss cp f oss://demo/ --region cn-hangzhou --network internal",
                "oss cp --network public f oss://demo/ --region cn-hangzhou",
            ),
            (
                "oss cp f oss://demo/ --endpoint oss-cn-hangzhou-internal.aliyuncs.com",
                "oss cp --region cn-hangzhou --network public f oss://demo/",
            ),
        ] {
            let step = unreachable(&argv(line), &silent("demo.oss-cn-hangzhou-internal.aliyuncs.com")).unwrap();
            assert_eq!(step.command, expected);
            assert_eq!(unreachable(&argv(line), &silent("demo.oss-cn-hangzhou.aliyuncs.com")), None);
        }
    }

    #[test]
    fn path_style_is_given_up_where_it_is_forbidden() {
        let service = refusal("SecondLevelDomainForbidden");
        assert_eq!(command("oss cp f oss://demo/ --addressing path", &service), "oss cp f oss://demo/");
        let step = another_way(&argv("oss cp f oss://demo/ --endpoint 1.2.3.4"), &service).unwrap();
        assert!(step.words.contains("by its name"), "{step:?}");
    }
}
