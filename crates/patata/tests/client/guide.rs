//! The examples of the documentation, word for word: python/tests/test_guide.py compares them.

use patata_testserver::Server;

type Done = Result<(), patata::ConfigError>;

#[test]
fn many_requests_and_what_became_of_each() -> Done {
    let server = Server::start().unwrap();
    let url = server.url();
    let client = patata::Client::builder().retries(3).build()?;
    let requests = (0..10_000).map(|id| patata::Request::get(id, format!("{url}/?page={id}")));
    for outcome in client.run(requests) {
        match outcome.result {
            Ok(response) => println!("{}: {}", outcome.tag, response.status),
            Err(error) => eprintln!("{}: {error}", outcome.tag),
        }
    }
    let mut again = client.run([patata::Request::get(0, format!("{url}/?page=0"))]);
    assert!(again.all(|outcome| outcome.result.is_ok_and(|response| response.status == 200)));
    Ok(())
}

#[test]
fn what_requests_and_clients_state() -> Done {
    let (server, files) = (Server::start().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(files.path().join("report.csv"), "a,b\n1,2\n").unwrap();
    use patata::{Body, FilePart, Multipart, Request};

    let url = server.url();
    let folder = files.path();
    let client = patata::Client::builder()
        .bearer_auth("token")
        .header("x-api-key", "key")
        .param("version", "2")
        .ordered(true)
        .build()?;
    let requests = vec![
        Request::put(1, format!("{url}/echo")).body(Body::json(&[1, 2])),
        Request::post(2, format!("{url}/echo")).body(Body::form([("name", "potato")])),
        Request::post(3, format!("{url}/echo")).body(
            Multipart::new().text("title", "Q1").file("report", FilePart::path(folder.join("report.csv"))),
        ),
        Request::get(4, format!("{url}/bytes/1000")).stream_to(folder.join("4.bin")),
    ];
    for outcome in client.run(requests) {
        println!("{} {:?}", outcome.tag, outcome.result.map(|response| response.status));
    }
    assert_eq!(std::fs::metadata(folder.join("4.bin")).unwrap().len(), 1000);
    Ok(())
}

#[test]
fn limits_and_the_receipt() -> Done {
    let server = Server::start().unwrap();
    let url = server.url();
    let client = patata::Client::builder().rate("1000/s").concurrency_per_host(8).max_failures(10).build()?;
    let mut run = client.run((0..100).map(|id| patata::Request::get(id, format!("{url}/"))));
    let ok = run.by_ref().filter(|outcome| outcome.result.is_ok()).count();
    let receipt = run.receipt();
    println!("{ok} ok, {} attempts", receipt.attempts);
    assert_eq!((ok, receipt.attempts), (100, 100));
    Ok(())
}
