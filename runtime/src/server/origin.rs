//! Where requests come from: the address of the caller and what it calls itself.
//!
//! Anybody can write anything into `X-Forwarded-For` and `Forwarded`, so they count only as far as a proxy wrote them
//! that the server was told to trust ([`TrustedProxies`]).

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use ipnet::IpNet;

use super::request::credentials;
use super::state::ServerState;
use crate::auth::{Credentials, Identity};
use crate::function::Origin;

/// The proxies whose word about the caller's address counts, as addresses and networks: `127.0.0.1,10.0.0.0/8`. None by
/// default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = |text: &str| {
            let address = || text.parse().map(|address: IpAddr| IpNet::from(address.to_canonical()));
            text.parse().or_else(|_| address()).map_err(|_| {
                format!("\"{text}\" is neither an IP address like 127.0.0.1 nor a network like 10.0.0.0/8")
            })
        };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        text.split(',').map(|part| network(part.trim())).collect::<Result<_, _>>().map(Self)
    }
}

impl TrustedProxies {
    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address of who caused a request that `peer` sent: each trusted proxy, the nearest first, is asked whom it
    /// heard.
    fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut caller = peer.to_canonical();
        if !self.contains(caller) {
            return caller;
        }
        for entry in forwarded(headers).iter().rev() {
            if !self.contains(caller) {
                break;
            }
            let Some(address) = address(entry) else { break };
            caller = address;
        }
        caller
    }
}

/// The callers that proxies name, the farthest first.
fn forwarded(headers: &HeaderMap) -> Vec<&str> {
    let lists = |name: &str| -> Vec<&str> {
        let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).map(str::trim).collect()
    };
    let plain = lists("x-forwarded-for");
    if !plain.is_empty() {
        return plain;
    }
    // An element without the caller's address hides it, and all before it.
    lists("forwarded").into_iter().map(|element| named(element, "for").unwrap_or_default()).collect()
}

/// The value of a parameter in an element of `Forwarded`.
fn named<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    pairs.find(|(own, _)| own.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The address in an entry: alone, with a port, in brackets, in quotes.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim().trim_matches('"');
    let bare = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || entry.parse().ok().map(|address: SocketAddr| address.ip());
    entry.parse().ok().or_else(with_port).or_else(bare).map(|address: IpAddr| address.to_canonical())
}

/// The origin of a request whose sender is not identified yet.
#[derive(Debug)]
pub(super) struct RequestOrigin(pub(super) Origin);

impl RequestOrigin {
    pub(super) fn of(state: &ServerState, parts: &Parts) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        let ip = peer.map(|peer| state.config.trusted_proxies.caller(peer, &parts.headers));
        let user_agent = parts.headers.get(header::USER_AGENT);
        let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Self(Origin { ip, user_agent, token: None })
    }

    /// The origin with the token by which the sender was identified.
    pub(super) fn identified(state: &ServerState, parts: &Parts, identity: &Identity) -> Arc<Origin> {
        let Self(mut origin) = Self::of(state, parts);
        if let Identity::User(_) = identity
            && let Ok(Credentials::Bearer(token)) = credentials(&parts.headers, &parts.uri)
        {
            origin.token = Some(token);
        }
        Arc::new(origin)
    }
}

impl FromRequestParts<Arc<ServerState>> for RequestOrigin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<ServerState>) -> Result<Self, Infallible> {
        Ok(Self::of(state, parts))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn caller(trusted: &str, peer: &str, lines: &[(&'static str, &'static str)]) -> String {
        let proxies: TrustedProxies = trusted.parse().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        proxies.caller(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn nobody_is_believed_unless_trusted() {
        let lines = [("x-forwarded-for", "1.1.1.1"), ("forwarded", "for=2.2.2.2")];
        assert_eq!(caller("", "127.0.0.1", &lines), "127.0.0.1");
        assert_eq!(caller("10.0.0.0/8", "11.0.0.1", &lines), "11.0.0.1");
        assert_eq!(caller("10.0.0.0/8", "10.1.2.3", &lines), "1.1.1.1");
        assert_eq!(caller("127.0.0.1", "::ffff:127.0.0.1", &lines), "1.1.1.1");
    }

    #[test]
    fn a_caller_cannot_put_itself_behind_others() {
        // What the nearest proxy wrote stands last; what the caller made up stands before.
        let made_up = [("x-forwarded-for", "6.6.6.6, 1.1.1.1")];
        assert_eq!(caller("10.0.0.1", "10.0.0.1", &made_up), "1.1.1.1");
        let two = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.1.1.1, 10.0.0.2")];
        assert_eq!(caller("10.0.0.1, 10.0.0.2", "10.0.0.1", &two), "1.1.1.1");
        assert_eq!(caller("10.0.0.1", "10.0.0.1", &two), "10.0.0.2");
        let all = [("x-forwarded-for", "10.0.0.3, 10.0.0.2")];
        assert_eq!(caller("10.0.0.0/8", "10.0.0.1", &all), "10.0.0.3");
        let broken = [("x-forwarded-for", "1.1.1.1, unknown")];
        assert_eq!(caller("10.0.0.1", "10.0.0.1", &broken), "10.0.0.1");
        assert_eq!(caller("10.0.0.1", "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn addresses_as_proxies_write_them() {
        for (entry, expected) in [
            ("1.2.3.4", Some("1.2.3.4")),
            ("1.2.3.4:80", Some("1.2.3.4")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("\"[2001:db8::1]:4711\"", Some("2001:db8::1")),
            ("::ffff:1.2.3.4", Some("1.2.3.4")),
            ("_hidden", None),
            ("", None),
        ] {
            assert_eq!(address(entry).map(|found| found.to_string()).as_deref(), expected, "{entry}");
        }
        let standard = [("forwarded", "for=6.6.6.6;proto=http, Proto=https; For=\"[2001:db8::1]:4711\"")];
        assert_eq!(caller("10.0.0.1", "10.0.0.1", &standard), "2001:db8::1");
        let hidden = [("forwarded", "for=1.1.1.1, proto=https")];
        assert_eq!(caller("10.0.0.1", "10.0.0.1", &hidden), "10.0.0.1");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["localhost", "10.0.0.0/33", "1.2.3", "127.0.0.1,", "127.0.0.1 10.0.0.1"] {
            assert!(text.parse::<TrustedProxies>().unwrap_err().contains("10.0.0.0/8"), "{text}");
        }
        assert_eq!(" ".parse(), Ok(TrustedProxies::default()));
    }
}
