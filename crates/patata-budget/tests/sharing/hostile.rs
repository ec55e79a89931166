//! Strangers at the door of a holder, and holders that are none.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use patata_budget::{BudgetError, Handle, HolderBuilder, Terms, status};

fn held() -> (patata_budget::Holder, String) {
    let terms = Terms::new().rate("requests", "100/s").unwrap();
    let holder = HolderBuilder::new(terms).secret("right").serve().unwrap();
    let address = holder.handle().address();
    (holder, address)
}

/// What comes back for some bytes, until the connection ends.
fn answer(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // It may hang up before it has read all.
    let _ = stream.write_all(bytes);
    let mut got = Vec::new();
    let _ = stream.read_to_end(&mut got);
    String::from_utf8_lossy(&got).into_owned()
}

#[test]
fn strangers_are_told_why_and_sent_away_and_harm_nobody() {
    let (holder, address) = held();
    let hello = "{\"hello\":{\"version\":1,\"nonce\":\"00\"}}\n";
    let proof = "{\"proof\":{\"proof\":\"00\"}}\n";
    for (bytes, part) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "malformed"),
        ("{}\n".to_owned(), "malformed"),
        ("\"ping\"\n".to_owned(), "must be a hello"),
        ("{\"hello\":{\"version\":7,\"nonce\":\"\"}}\n".to_owned(), "version 1 is spoken here, not 7"),
        (format!("{hello}\"status\"\n"), "must be a proof"),
        (format!("{hello}{proof}"), "the secret is wrong"),
        ("x".repeat(100_000), "longer than"),
        (format!("{{\"hello\":{}\n", "[".repeat(4000)), "malformed"),
    ] {
        let told = answer(&address, bytes.as_bytes());
        assert!(told.contains("refused") && told.contains(part), "{bytes:.40}: {told}");
    }
    assert_eq!(status(holder.handle()).unwrap().sharers.len(), 0);
}

#[test]
fn one_who_says_nothing_is_sent_away_and_others_need_not_wait() {
    let (holder, address) = held();
    let silent: Vec<_> = (0..50).map(|_| TcpStream::connect(&address).unwrap()).collect();
    for mut slow in silent.iter().take(10) {
        slow.write_all(b"{\"hello\"").unwrap();
    }
    assert!(status(holder.handle()).is_ok());
    for mut stream in silent {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert_eq!(stream.read(&mut [0; 10]).unwrap(), 0, "it has been sent away");
    }
}

#[test]
fn a_wrong_secret_is_named() {
    let (_holder, address) = held();
    let handle: Handle = format!("budget://{address}/?secret=wrong").parse().unwrap();
    assert_eq!(status(&handle), Err(BudgetError::WrongSecret { address }));
}

/// One that says something, whoever asks for what; and what comes of asking it.
fn told_by(says: &'static [u8]) -> BudgetError {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut line = String::new();
            let _ = BufReader::new(stream.try_clone().unwrap()).read_line(&mut line);
            let _ = stream.write_all(says);
        }
    });
    status(&format!("budget://{address}/?secret=x").parse().unwrap()).unwrap_err()
}

#[test]
fn what_is_no_holder_is_named() {
    for says in
        [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\xff\xfe\n", b"{\"slots\":{}}\n", &[b'x'; 100_000]]
    {
        assert!(matches!(told_by(says), BudgetError::NotABudget { .. }));
    }
    let older = told_by(b"{\"refused\":{\"code\":\"version\",\"why\":\"\",\"version\":9}}\n");
    assert!(matches!(older, BudgetError::Version { ours: 1, theirs: 9, .. }), "{older}");
    let newer = told_by(b"{\"challenge\":{\"version\":3,\"nonce\":\"\"}}\n");
    assert!(newer.to_string().contains("speaks version 3 of the protocol, and this is version 1"), "{newer}");
}

/// One that lets in anybody does not know the secret, and is not believed.
#[test]
fn a_holder_must_know_the_secret_too() {
    let told = told_by(
        b"{\"challenge\":{\"version\":1,\"nonce\":\"\"}}\n\
          {\"welcome\":{\"proof\":\"00\",\"terms\":{\"units\":[[\"requests\",[\"100000/s\"]]]}}}\n",
    );
    assert!(matches!(told, BudgetError::WrongSecret { .. }), "{told}");
}
