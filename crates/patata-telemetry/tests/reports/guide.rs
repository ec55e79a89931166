//! The example of the documentation, word for word: python/tests/test_guide.py compares them.

use patata_testserver::Server;

#[test]
fn a_client_that_prometheus_reads_of() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::start()?;
    use patata_telemetry::{Recorder, prometheus};
    use std::sync::Arc;

    let url = server.url();
    let recorder = Arc::new(Recorder::new());
    let client = patata::Client::builder().observer(recorder.observer()).build()?;
    let requests = (0..100).map(|id| patata::Request::get(id, format!("{url}/?page={id}")));
    client.run(requests).for_each(drop);
    println!("{}", prometheus::text(&recorder.series()));
    assert_eq!(recorder.series()[0].count, 100);
    Ok(())
}
