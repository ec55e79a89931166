//! Budgets in Redis, and in what is none.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use patata_budget::{BudgetError, ClientOptions, Purse, status};

use crate::faults::paused;
use crate::support::Redis;

fn open(handle: &str) -> Purse {
    let options = ClientOptions { budget_timeout: Duration::from_secs(5), name: "a test".to_owned() };
    Purse::open(handle.parse().unwrap(), options).unwrap()
}

#[test]
fn who_is_told_to_wait_tells_the_others_by_redis() {
    let redis = Redis::start();
    paused(&redis.handle("name=paused&requests=400/s"), 2);
}

#[test]
fn a_budget_is_known_by_its_name() {
    let redis = Redis::start();
    let error = open(&redis.handle("name=crm")).take(&[("requests", 1)]).unwrap_err();
    assert!(matches!(&error, BudgetError::NoSuchBudget { name, .. } if name == "crm"), "{error}");
    let first = open(&redis.handle("name=crm&requests=100/s&tokens=6000/min&concurrency=2"));
    let permit = first.take(&[("requests", 1), ("tokens", 300)]).unwrap();
    // From now on, the name is enough.
    let handle = redis.handle("name=crm");
    let second = open(&handle);
    drop(second.take(&[("requests", 1)]).unwrap());
    let told = status(&handle.parse().unwrap()).unwrap();
    assert_eq!((told.units[0].used, told.units[1].used, told.concurrency), (2, 300, Some(2)));
    assert_eq!(told.sharers.len(), 2);
    first.settle("tokens", 300, 100);
    drop(permit);
    let begun = Instant::now();
    while status(&handle.parse().unwrap()).unwrap().units[1].used != 100 {
        assert!(begun.elapsed() < Duration::from_secs(10), "nothing was given back");
        thread::sleep(Duration::from_millis(20));
    }
    drop((first, second));
    assert_eq!(status(&handle.parse().unwrap()).unwrap().sharers, []);
}

#[test]
fn no_more_are_in_flight_than_redis_allows() {
    let redis = Redis::start();
    let handle = redis.handle("name=flight&concurrency=3");
    let in_flight = std::sync::atomic::AtomicI32::new(0);
    let purses = [open(&handle), open(&handle)];
    let done = std::sync::atomic::AtomicUsize::new(0);
    thread::scope(|scope| {
        for purse in &purses {
            for _ in 0..4 {
                scope.spawn(|| {
                    use std::sync::atomic::Ordering::SeqCst;
                    for _ in 0..10 {
                        let permit = purse.take(&[]).unwrap();
                        assert!(in_flight.fetch_add(1, SeqCst) < 3);
                        thread::sleep(Duration::from_millis(5));
                        in_flight.fetch_sub(1, SeqCst);
                        drop(permit);
                        done.fetch_add(1, SeqCst);
                    }
                });
            }
        }
    });
    assert_eq!(done.into_inner(), 80);
}

#[test]
fn longer_windows_hold_in_redis_too() {
    let redis = Redis::start();
    let purse = std::sync::Arc::new(open(&redis.handle("name=windows&requests=1000/s&requests=20/h")));
    (0..20).for_each(|_| drop(purse.take(&[("requests", 1)]).unwrap()));
    let waits = purse.clone();
    let one_more = thread::spawn(move || waits.take(&[("requests", 1)]).is_ok());
    thread::sleep(Duration::from_millis(500));
    assert!(!one_more.is_finished());
}

#[test]
fn what_is_no_redis_is_named() {
    for says in [
        &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..],
        b"\xff\x00garbage\r\n",
        b"-ERR no\r\n-ERR no\r\n-ERR no\r\n-ERR no\r\n-ERR no\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    while let Ok(1..) = stream.read(&mut [0; 4096]) {
                        let _ = stream.write_all(says);
                    }
                });
            }
        });
        let handle = format!("redis://:hush@127.0.0.1:{port}/0?name=a&requests=1/s");
        let error = open(&handle).take(&[("requests", 1)]).unwrap_err();
        assert!(matches!(error, BudgetError::NotRedis { .. }), "{says:?}: {error}");
        assert!(
            !error.to_string().contains("hush") && error.to_string().contains(&port.to_string()),
            "{error}"
        );
    }
}
