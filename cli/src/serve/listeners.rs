//! The two listeners: the API and the HTTP actions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use crate::failure::{Failure, Result};

/// How many connections may wait to be accepted: many clients come back at once after a restart.
const BACKLOG: u32 = 4_096;

/// Listens on the port of an address; 0 picks a free one. `option` is what chooses the port.
pub(super) fn listen(interface: IpAddr, port: u16, option: &str) -> Result<(TcpListener, u16)> {
    let address = SocketAddr::new(interface, port);
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let port = listener.local_addr()?.port();
        Ok((listener, port))
    };
    open().map_err(|error: std::io::Error| {
        Failure::new(format!("{address} cannot be listened on: {error}"))
            .hint(format!("choose another port with {option}, or {option} 0 for any free one"))
    })
}

/// The URL under which this machine reaches a listener.
pub(super) fn local_url(interface: IpAddr, port: u16) -> String {
    let address = match interface {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        interface => interface,
    };
    format!("http://{}", SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_reachable_ones() {
        let url = |interface: &str| interface.parse().map(|interface| local_url(interface, 80));
        assert_eq!(url("0.0.0.0").as_deref(), Ok("http://127.0.0.1:80"));
        assert_eq!(url("::").as_deref(), Ok("http://[::1]:80"));
        assert_eq!(url("10.0.0.1").as_deref(), Ok("http://10.0.0.1:80"));
    }
}
