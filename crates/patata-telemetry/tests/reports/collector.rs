//! A collector of OTLP over HTTP: takes messages apart as the protocol says, and keeps what is in them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

/// What came.
#[derive(Debug, Default, Clone)]
pub(crate) struct Collected {
    pub(crate) metrics: Vec<ExportMetricsServiceRequest>,
    pub(crate) traces: Vec<ExportTraceServiceRequest>,
    /// The heads of the requests, in lower case.
    pub(crate) heads: Vec<String>,
}

/// A collector under way, for as long as the test.
#[derive(Debug)]
pub(crate) struct Collector {
    address: SocketAddr,
    collected: Arc<Mutex<Collected>>,
}

impl Collector {
    /// Answers the first requests with these statuses, and all others with 200.
    pub(crate) fn start(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let collected = Arc::new(Mutex::new(Collected::default()));
        let kept = collected.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = kept.clone();
                std::thread::spawn(move || serve(stream.unwrap(), statuses, &kept));
            }
        });
        Self { address, collected }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn collected(&self) -> Collected {
        self.collected.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, statuses: &[u16], collected: &Mutex<Collected>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let head = head.to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let status = {
            let mut collected = collected.lock().unwrap();
            let status = statuses.get(collected.heads.len()).copied().unwrap_or(200);
            if status == 200 {
                if head.starts_with("post /v1/traces ") {
                    collected.traces.push(ExportTraceServiceRequest::decode(&*body).unwrap());
                } else {
                    assert!(head.starts_with("post /v1/metrics "), "{head}");
                    collected.metrics.push(ExportMetricsServiceRequest::decode(&*body).unwrap());
                }
            }
            collected.heads.push(head);
            status
        };
        write!(stream, "HTTP/1.1 {status} -\r\ncontent-length: 0\r\n\r\n").unwrap();
    }
}
