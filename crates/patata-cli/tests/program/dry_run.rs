//! What is found out before the flood.

use patata_testserver::Server;

use super::support::Place;

#[test]
fn a_dry_run_reads_all_and_sends_nothing() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let url = server.url();
    place.file(
        "in.jsonl",
        format!(
            "{{\"url\":\"{url}/1\"}}\n{{\"url\":\"{url}/2\",\"content\":\"12345\"}}\n{{\"url\":\"nowhere\"}}\nno JSON\n\
             {{\"url\":\"http://other.example/\"}}\n"
        ),
    );
    let ran = place.run(&["run", "in.jsonl", "--dry-run"]).ended(1);
    let address = server.address();
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "5 rows in the input, 3 requests: 2 GET, 1 POST");
    assert_eq!(lines[1], "1 request with a body, 5 B in all");
    assert_eq!(
        lines[2..5],
        [&format!("  2 to {address}"), "  1 to other.example", "2 rows that cannot be sent:"]
    );
    assert!(lines[5].starts_with("  in.jsonl:3: ") && lines[6].starts_with("  in.jsonl:4:"), "{ran:?}");
    assert_eq!(lines[7], "nothing was sent; add --probe 10 to find out how long it will take");
    assert_eq!(server.requests(), 0);
    assert!(!place.path("run").exists());
}

#[test]
fn probes_are_gets_unless_others_are_named() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    let url = format!("{}/?{{url}}", server.url());
    let numbers: String = (0..1000).map(|number| format!("{number}\n")).collect();
    place.file("numbers", numbers);
    let run =
        |flags: &[&str]| place.run(&[&["run", "numbers", &url, "--dry-run"], flags].concat()).ended(0).stdout;
    let probed = run(&["--probe", "10"]);
    assert_eq!(server.requests(), 10);
    assert!(probed.contains("10 probes sent: 10 ok, 0 failed"), "{probed}");
    assert!(probed.contains("about 26 kB of bodies will come"), "{probed}");
    assert!(run(&["-X", "POST", "--probe", "10"]).contains("no probe was sent"));
    assert_eq!(server.requests(), 10);
    run(&["-X", "POST", "--probe", "3", "--probe-method", "post"]);
    assert_eq!(server.requests(), 13);
    let limited = run(&["--probe", "1", "--rate", "10/min"]);
    assert!(limited.contains("limited by --rate 10/min"), "{limited}");
}
