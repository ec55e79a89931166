//! Opens a TCP connection to one of several addresses, whichever answers first.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an attempt is alone before the next address is tried as well (RFC 8305, 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// A connection to the first of `addresses` that answers. Attempts begin one after another, the next one once
/// the last has failed or has had its head start. If all fail, the error is that which tells the most.
pub(crate) async fn dial(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    let connect = async |address: IpAddr| {
        let stream = TcpStream::connect(SocketAddr::from((address, port))).await?;
        // Requests are written whole: waiting to fill a packet would only delay them.
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    if let [address] = addresses {
        return connect(*address).await;
    }
    let mut waiting = interleaved(addresses).into_iter();
    let mut attempts: FuturesUnordered<_> = waiting.next().into_iter().map(&connect).collect();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "there is no address to connect to");
    while !attempts.is_empty() {
        let ended = match waiting.len() {
            0 => attempts.next().await,
            _ => timeout(HEAD_START, attempts.next()).await.unwrap_or(None),
        };
        match ended {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(cause)) => failure = more_telling(failure, cause),
            None => {}
        }
        attempts.extend(waiting.next().map(&connect));
    }
    Err(failure)
}

/// The families in turn, beginning with that of the first address: a family that does not work costs one
/// attempt, not all of its addresses.
fn interleaved(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let is_first_family =
        |address: &&IpAddr| addresses.first().map(IpAddr::is_ipv4) == Some(address.is_ipv4());
    let mut first = addresses.iter().filter(is_first_family);
    let mut second = addresses.iter().filter(|address| !is_first_family(address));
    let mut order = Vec::with_capacity(addresses.len());
    while order.len() < addresses.len() {
        order.extend(first.next());
        order.extend(second.next());
    }
    order
}

/// Which of two errors says more of the host: that this machine has no way to an address says nothing.
fn more_telling(earlier: io::Error, later: io::Error) -> io::Error {
    use io::ErrorKind::{AddrNotAvailable, HostUnreachable, NetworkUnreachable};
    match later.kind() {
        AddrNotAvailable | HostUnreachable | NetworkUnreachable if earlier.raw_os_error().is_some() => {
            earlier
        }
        _ => later,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_beginning_with_the_first() {
        for (given, expected) in [
            (&["::1", "::2", "1.1.1.1"][..], &["::1", "1.1.1.1", "::2"][..]),
            (&["1.1.1.1", "::1", "::2", "::3"], &["1.1.1.1", "::1", "::2", "::3"]),
            (&["::1", "::2"], &["::1", "::2"]),
            (&[], &[]),
        ] {
            assert_eq!(interleaved(&addresses(given)), addresses(expected));
        }
    }

    #[test]
    fn an_address_that_this_machine_cannot_reach_hides_no_other_error() {
        let refused = || io::Error::from_raw_os_error(111);
        let no_route = || io::Error::from(io::ErrorKind::NetworkUnreachable);
        assert_eq!(more_telling(refused(), no_route()).raw_os_error(), Some(111));
        assert_eq!(more_telling(no_route(), refused()).raw_os_error(), Some(111));
    }
}
