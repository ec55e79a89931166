//! Which threads there are, and when they end. A binary of its own, with this test alone: it counts the process's
//! threads, and would count those of other tests' clients too.

#[path = "support/watchdog.rs"]
mod watchdog;

use std::time::Duration;

use patata::{Client, Request};
use patata_testserver::Server;
use watchdog::{Watchdog, wait_until};

/// The event loops of this process.
fn event_loops() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    // A thread may end between being listed and being read.
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    let is_ours = |name: &str| {
        name.trim().strip_prefix("patata-").is_some_and(|number| number.parse::<usize>().is_ok())
    };
    names.filter(|name| is_ours(name)).count()
}

#[test]
#[cfg(target_os = "linux")]
fn runs_share_the_threads_of_their_client_which_end_when_it_is_idle_or_gone() {
    let server = Server::start().unwrap();
    let slow = format!("{}/delay/600000", server.url());
    let client = Client::builder().num_workers(3).build().unwrap();
    let _watchdog = Watchdog::new();
    assert_eq!(event_loops(), 0, "nothing is started before the first run");
    for number in 0..50 {
        let good = (0..20).map(|tag| Request::get(tag, server.url()));
        let hanging = (20..30).map(|tag| Request::get(tag, &slow));
        let mut run = client.run(good.chain(hanging));
        // A thread names itself, a moment after it has begun.
        wait_until(|| event_loops() == 3);
        match number % 4 {
            0 => assert_eq!(run.by_ref().take(20).count(), 20),
            1 => drop(run.next()),
            2 => run.control().cancel(),
            _ => {}
        }
    }
    // They end within half a minute without a run, and come back with the next.
    wait_until(|| event_loops() == 0);
    assert_eq!(client.run([Request::get((), server.url()).timeout(Duration::MAX)]).count(), 1);
    let mut run = client.run((0..).map(|tag| Request::get(tag, server.url())));
    drop(client);
    assert!(run.next().is_some(), "a run keeps its client's engine");
    drop(run);
    // A thread that was joined may still be listed for a moment.
    wait_until(|| event_loops() == 0);
}
