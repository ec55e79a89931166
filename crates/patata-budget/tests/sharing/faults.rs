//! What dies, is cut off, or asks to be left alone: the rate holds, it goes on, and nothing is lost.

use std::thread::sleep;
use std::time::{Duration, Instant};

use patata_budget::{BudgetError, ClientOptions, HolderBuilder, Purse, Terms, status};

use crate::support::{Network, Running, holder, most_in_a_second, stamps, worker};

fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what} does not come about");
        sleep(Duration::from_millis(10));
    }
}

/// The longest time without a leave, in seconds.
fn longest_gap(stamps: &[u64]) -> f64 {
    stamps.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default() as f64 / 1e6
}

#[test]
fn a_holder_that_is_killed_and_started_again_is_gone_on_with() {
    let address = free_address();
    let (first, handle) = holder("200/s", Some(&address));
    let mut workers: Vec<Running> = (0..4).map(|_| worker(&handle, 6.0, 4, &[])).collect();
    sleep(Duration::from_secs(2));
    drop(first);
    sleep(Duration::from_millis(300));
    let (_second, _) = holder("200/s", Some(&address));
    let stamps = stamps(&mut workers);
    assert!(most_in_a_second(&stamps) <= 212, "{} in a second", most_in_a_second(&stamps));
    let gap = longest_gap(&stamps);
    assert!(gap > 0.1 && stamps.len() > 600, "{} leaves, and {gap} s without one", stamps.len());
}

#[test]
fn a_worker_that_is_killed_costs_the_others_no_more_than_it_had() {
    let (_holder, handle) = holder("200/s", None);
    let mut killed: Vec<Running> = (0..3).map(|_| worker(&handle, 60.0, 4, &[])).collect();
    let mut workers = vec![worker(&handle, 5.0, 8, &[])];
    sleep(Duration::from_secs(2));
    for dead in &mut killed {
        dead.child.kill().unwrap();
    }
    let stamps = stamps(&mut workers);
    let end = *stamps.last().unwrap();
    let in_last_second = stamps.iter().filter(|stamp| **stamp + 1_000_000 > end).count();
    assert!((180..=212).contains(&in_last_second), "{in_last_second} in the last second");
}

/// What was granted to one that could not hear it is not made up for in a burst.
#[test]
fn a_worker_that_was_stopped_for_a_while_goes_on_at_the_rate() {
    let (_holder, handle) = holder("200/s", None);
    let mut workers = vec![worker(&handle, 6.0, 32, &[])];
    let send = |signal: &str, workers: &[Running]| {
        let process = workers[0].child.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &process]).status().unwrap().success());
    };
    sleep(Duration::from_secs(2));
    send("-STOP", &workers);
    sleep(Duration::from_secs(2));
    send("-CONT", &workers);
    let stamps = stamps(&mut workers);
    let gap = longest_gap(&stamps);
    assert!(gap > 1.5, "{gap} s without a leave");
    assert!(most_in_a_second(&stamps) <= 212, "{} in a second", most_in_a_second(&stamps));
    let end = *stamps.last().unwrap();
    let in_last_second = stamps.iter().filter(|stamp| **stamp + 1_000_000 > end).count();
    assert!(in_last_second >= 180, "{in_last_second} in the last second");
}

#[test]
fn a_network_that_was_cut_for_five_seconds_is_gone_on_with() {
    let (_holder, handle) = holder("200/s", None);
    let port = handle.split(['/', ':', '?']).nth(4).unwrap().parse::<u16>().unwrap();
    let network = Network::to(([127, 0, 0, 1], port).into());
    let through = handle.replace(&format!(":{port}/"), &format!(":{}/", network.port));
    let mut workers: Vec<Running> = (0..3).map(|_| worker(&through, 10.0, 4, &[])).collect();
    sleep(Duration::from_secs(2));
    network.cut();
    sleep(Duration::from_secs(5));
    network.mend();
    let stamps = stamps(&mut workers);
    assert!(most_in_a_second(&stamps) <= 212, "{} in a second", most_in_a_second(&stamps));
    let gap = longest_gap(&stamps);
    assert!((4.5..9.0).contains(&gap), "{gap} s without a leave");
    let end = *stamps.last().unwrap();
    let in_last_second = stamps.iter().filter(|stamp| **stamp + 1_000_000 > end).count();
    assert!(in_last_second >= 150, "{in_last_second} in the last second");
}

/// What a server says to one of eight stops the others, as soon as one process can tell another.
#[test]
fn who_is_told_to_wait_tells_the_others() {
    let (_holder, handle) = holder("400/s", None);
    paused(&handle, 2);
}

/// A full disk does the same as a folder that is gone.
#[test]
fn who_asks_is_told_of_a_state_that_cannot_be_written_and_when_it_can_be_again() {
    let folder = tempfile::tempdir().unwrap();
    let (within, path) = (folder.path().join("within"), folder.path().join("within/state"));
    let serve = || {
        let terms = Terms::new().rate("requests", "100/s").unwrap();
        HolderBuilder::new(terms).state(&path).serve()
    };
    let refused = serve().unwrap_err();
    assert!(
        matches!(&refused, BudgetError::CannotServe { why, .. } if why.contains("name another one")),
        "{refused}"
    );
    std::fs::create_dir(&within).unwrap();
    let holder = serve().unwrap();
    assert_eq!(holder.unsaved(), None);
    std::fs::remove_dir_all(&within).unwrap();
    wait_until("a failure", || holder.unsaved().is_some());
    let told = status(holder.handle()).unwrap().unsaved.unwrap();
    assert!(told.contains(path.to_str().unwrap()) && told.contains("make room"), "{told}");
    std::fs::create_dir(&within).unwrap();
    wait_until("a state", || holder.unsaved().is_none());
    assert!(path.exists() && !within.join("state.new").exists());
}

/// Runs eight, of which one hears that all are to be left alone; the others may be granted so many more.
pub(crate) fn paused(handle: &str, most: usize) {
    let mut workers: Vec<Running> = (0..7).map(|_| worker(handle, 4.0, 4, &[])).collect();
    sleep(Duration::from_millis(500));
    let mut first = worker(handle, 3.5, 4, &["50"]);
    let said = first.line();
    let at: u64 = said.strip_prefix("paused ").unwrap().parse().unwrap();
    let stamps = stamps(&mut workers);
    let after = stamps.iter().filter(|stamp| (at..at + 490_000).contains(stamp)).count();
    assert!(after <= most, "{after} more");
    // And afterwards, it goes on.
    let later = stamps.iter().filter(|stamp| **stamp > at + 500_000).count();
    assert!(later > 100, "{later} afterwards");
}

#[test]
fn without_a_holder_all_ends_with_an_error_that_names_it() {
    let options = ClientOptions { budget_timeout: Duration::from_millis(300), ..ClientOptions::default() };
    let address = free_address();
    let purse = Purse::open(format!("budget://{address}/?secret=x").parse().unwrap(), options).unwrap();
    let error = purse.take(&[("requests", 1)]).unwrap_err();
    assert!(
        matches!(&error, BudgetError::Unreachable { address: named, .. } if *named == address),
        "{error}"
    );
    assert!(error.to_string().contains("patata budget serve"), "{error}");
}

#[test]
fn permits_are_shared_and_come_back_from_the_dead() {
    let terms = Terms::new().concurrency(3);
    let holder = HolderBuilder::new(terms).serve().unwrap();
    let open = |name: &str| {
        let options = ClientOptions { name: name.to_owned(), ..ClientOptions::default() };
        Purse::open(holder.handle().clone(), options).unwrap()
    };
    let first = open("first");
    let held: Vec<_> = (0..3).map(|_| first.take(&[]).unwrap()).collect();
    let second = std::sync::Arc::new(open("second"));
    let waits = {
        let second = second.clone();
        std::thread::spawn(move || second.take(&[]).unwrap())
    };
    wait_until("the second one's wish", || {
        holder.status().sharers.iter().any(|sharer| sharer.wants > 0 && sharer.holds == 0)
    });
    let in_use: u32 = holder.status().sharers.iter().map(|sharer| sharer.holds).sum();
    assert_eq!(in_use, 3);
    assert!(!waits.is_finished());
    drop(held);
    let permit = waits.join().unwrap();
    drop(first);
    wait_until("all permits for the second one", || holder.status().sharers.len() == 1);
    let all = [second.take(&[]).unwrap(), second.take(&[]).unwrap()];
    drop((permit, all));
}

#[test]
fn what_is_settled_is_given_back_or_owed() {
    let terms = Terms::new().rate("tokens", "1000/s").unwrap();
    let holder = HolderBuilder::new(terms).serve().unwrap();
    let purse = Purse::open(holder.handle().clone(), ClientOptions::default()).unwrap();
    drop(purse.take(&[("tokens", 500)]).unwrap());
    purse.settle("tokens", 500, 100);
    wait_until("what was given back", || status(holder.handle()).unwrap().units[0].used == 100);
    purse.settle("tokens", 100, 250);
    wait_until("what was owed", || status(holder.handle()).unwrap().units[0].used == 250);
    assert!(matches!(
        purse.take(&[("tokens", 1001)]),
        Err(BudgetError::TooDear { cost: 1001, most: 1000, .. })
    ));
    let unknown = purse.take(&[("bytes", 1)]).unwrap_err().to_string();
    assert!(unknown.contains("no unit \"bytes\", only tokens"), "{unknown}");
}

#[test]
fn what_is_used_up_outlives_a_holder_that_keeps_its_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let terms = || {
        let terms = Terms::new().rate("requests", "100/s").unwrap();
        terms.rate("requests", "20/h").unwrap()
    };
    let holder = HolderBuilder::new(terms()).state(&path).serve().unwrap();
    let purse = Purse::open(holder.handle().clone(), ClientOptions::default()).unwrap();
    (0..20).for_each(|_| drop(purse.take(&[("requests", 1)]).unwrap()));
    drop(purse);
    holder.stop();
    let holder = HolderBuilder::new(terms()).state(&path).serve().unwrap();
    let purse = std::sync::Arc::new(Purse::open(holder.handle().clone(), ClientOptions::default()).unwrap());
    let waits = purse.clone();
    std::thread::spawn(move || waits.take(&[("requests", 1)]));
    wait_until("a wish", || holder.status().units[0].waiting > 0);
    sleep(Duration::from_millis(300));
    assert_eq!(holder.status().units[0].used, 0);
    std::fs::write(&path, "{").unwrap();
    let error = HolderBuilder::new(terms()).state(&path).serve().unwrap_err().to_string();
    assert!(error.contains("no file of a budget's state"), "{error}");
}
