//! Sockets to take connections from.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::net::{TcpListener, TcpSocket, lookup_host};

/// Connections that may wait to be accepted; the system may allow less. With the 128 of the standard library, all beyond
/// them in a burst would wait for a second, until they knock again.
const BACKLOG: u32 = 4096;

/// Listens on a host and port; `host` is a name or an address, of IPv6 with or without brackets.
///
/// # Errors
///
/// If the host has no address, or none of its addresses can be listened on: the last reason.
pub(crate) async fn on(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut outcome = Err(io::Error::new(io::ErrorKind::InvalidInput, "the host has no address"));
    for address in lookup_host((unbracketed(host), port)).await? {
        outcome = on_address(address);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Listens on the dual-stack socket, or the IPv4 one where the system has no IPv6.
///
/// # Errors
///
/// If the port can not be listened on.
pub(crate) fn on_every_interface(port: u16) -> io::Result<TcpListener> {
    match on_address((Ipv6Addr::UNSPECIFIED, port).into()) {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        Err(_) => on_address((Ipv4Addr::UNSPECIFIED, port).into()),
    }
}

/// Listens on 127.0.0.1, on a port that the system chooses.
///
/// # Errors
///
/// If there is none.
pub(crate) fn on_any_loopback_port() -> io::Result<TcpListener> {
    on_address((Ipv4Addr::LOCALHOST, 0).into())
}

fn on_address(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A port whose connections of before have not quite ended is free. Elsewhere than on Unix it would be shared.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn listens_on_names_and_addresses() {
        for (host, expected) in
            [("127.0.0.1", "127.0.0.1"), ("localhost", ""), ("[::1]", "::1"), ("::1", "::1")]
        {
            match on(host, 0).await {
                Ok(listener) => {
                    let ip = listener.local_addr().unwrap().ip();
                    assert!(
                        ip.is_loopback() && (expected.is_empty() || ip.to_string() == expected),
                        "{host}: {ip}"
                    );
                }
                Err(error) => assert!(host.contains("::"), "{host}: {error}"),
            }
        }
        assert!(on("no-such-host.invalid", 0).await.is_err());
        let listener = on_any_loopback_port().unwrap();
        let taken = on("127.0.0.1", listener.local_addr().unwrap().port()).await.unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_burst_finds_room_before_anybody_accepts() {
        let listener = on_any_loopback_port().unwrap();
        let address = listener.local_addr().unwrap();
        // Nobody accepts: a connection that finds no room would not be there before a second is over.
        let burst = tokio::task::spawn_blocking(move || {
            let patience = std::time::Duration::from_millis(900);
            (0..500).map(|_| TcpStream::connect_timeout(&address, patience)).collect::<Result<Vec<_>, _>>()
        });
        assert_eq!(burst.await.unwrap().unwrap().len(), 500);
    }
}
