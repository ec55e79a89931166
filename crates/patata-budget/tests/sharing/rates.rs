//! The rate is that of one, however many share it. bench/budgets.py has the figures; here, only what no busy machine excuses.

use crate::support::{Redis, holder, most_in_a_second, stamps, worker};

/// What so many processes were granted of a rate in three seconds, and whether it was no more than that and most of it.
fn shared_by(handle: &str, processes: usize, rate: usize) {
    let mut workers: Vec<_> = (0..processes).map(|_| worker(handle, 4.0, 32 / processes, &[])).collect();
    let stamps = stamps(&mut workers);
    let most = most_in_a_second(&stamps);
    assert!(most <= rate * 105 / 100 + 2, "{most} in a second, of {rate}");
    // The slowest machine starts them in a second.
    assert!(stamps.len() >= rate * 5 / 2, "{} of {rate}/s in 4 s", stamps.len());
}

#[test]
fn one_and_four_processes_share_a_rate_over_tcp() {
    for processes in [1, 4] {
        let (_holder, handle) = holder("200/s", None);
        shared_by(&handle, processes, 200);
    }
}

#[test]
fn sixteen_processes_share_a_rate_over_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let (_holder, handle) = holder("1000/s", Some(folder.path().join("b").to_str().unwrap()));
    shared_by(&handle, 16, 1000);
}

#[test]
fn four_processes_share_a_rate_in_redis() {
    let redis = Redis::start();
    shared_by(&redis.handle("name=rates&requests=500/s"), 4, 500);
}
