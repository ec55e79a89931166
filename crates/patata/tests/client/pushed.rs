//! Runs that are given their requests: pushed one by one, or from an asynchronous stream.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use patata::{Client, Outcome, PushedRun, Request, Step};
use patata_testserver::Server;

use crate::support::{RawServer, Watchdog, wait_until};

fn client() -> Client {
    Client::builder().build().unwrap()
}

/// `count` GETs of a URL, tagged from 0.
fn gets(url: &str, count: usize) -> impl Iterator<Item = Request<usize>> + Send + Sync + 'static {
    let url = url.to_owned();
    (0..count).map(move |tag| Request::get(tag, &url))
}

/// Pushes all requests as there is room, and hands each outcome to `take`.
fn push_all(
    run: &mut PushedRun<usize>,
    mut requests: impl Iterator<Item = Request<usize>>,
    mut take: impl FnMut(&mut PushedRun<usize>, Outcome<usize>),
) {
    let _watchdog = Watchdog::new();
    loop {
        for _ in 0..run.room() {
            match requests.next() {
                Some(request) => run.push(request).unwrap(),
                None => {
                    run.close_input();
                    break;
                }
            }
        }
        match run.step() {
            Step::Outcome(outcome) => take(run, outcome),
            Step::Wait => run.wait(Duration::from_secs(60)),
            Step::End => return,
        }
    }
}

/// Counts how often it is woken.
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn bell() -> (Arc<Bell>, Waker) {
    let bell = Arc::new(Bell(AtomicUsize::new(0)));
    (bell.clone(), bell.into())
}

#[test]
fn what_is_pushed_comes_back_once_each() {
    let server = Server::start().unwrap();
    let mut run = client().run_pushed();
    let mut tags = BTreeSet::new();
    push_all(&mut run, gets(server.url(), 20_000), |_, outcome| {
        assert_eq!(outcome.result.unwrap().status, 200);
        assert!(tags.insert(outcome.tag));
    });
    assert!(tags.into_iter().eq(0..20_000));
    let receipt = run.receipt();
    assert_eq!((receipt.submitted, receipt.ok, receipt.outstanding), (20_000, 20_000, 0));
    assert!(matches!(run.step(), Step::End), "a run that is over stays over");
}

#[test]
fn a_run_without_requests_ends_when_its_input_is_closed() {
    let mut run = client().run_pushed::<()>();
    assert!(matches!(run.step(), Step::Wait));
    run.close_input();
    assert!(matches!(run.step(), Step::End));
    assert_eq!(run.room(), 0);
    assert!(run.push(Request::get((), "http://localhost/")).is_err());
}

#[test]
fn no_more_can_be_pushed_than_the_queue_may_hold() {
    let silent = RawServer::silent();
    let client = Client::builder().queue_max_size(10).build().unwrap();
    let mut run = client.run_pushed();
    assert_eq!(run.room(), 10);
    run.hold(4);
    assert_eq!(run.room(), 6);
    let mut requests = gets(&silent.url(), 100);
    let pushed = requests.by_ref().map_while(|request| run.push(request).ok()).count();
    assert_eq!((pushed, run.room()), (6, 0));
    assert_eq!(run.push(Request::get(99, silent.url())).unwrap_err().tag, 99);
    run.hold(0);
    assert_eq!(run.room(), 4);
    assert_eq!(run.cancel().cancelled, 6);
}

#[test]
fn the_queue_is_never_exceeded_nor_a_reason_to_stop() {
    let server = Server::start().unwrap();
    for queue in [1, 7, 100] {
        let client = Client::builder().queue_max_size(queue).ordered(queue == 7).build().unwrap();
        let mut run = client.run_pushed();
        let mut handed = 0;
        push_all(&mut run, gets(server.url(), 500), |run, outcome| {
            handed += 1;
            assert!(outcome.result.is_ok());
            assert!(run.receipt().submitted <= handed + queue as u64);
        });
        assert_eq!(handed, 500);
    }
}

#[test]
fn an_ordered_run_keeps_the_order_of_the_pushes() {
    let server = Server::start().unwrap();
    let mut run = Client::builder().ordered(true).build().unwrap().run_pushed();
    let url = |tag| match tag % 3 {
        0 => format!("{}/delay/{}", server.url(), tag % 20),
        1 => "no url".to_owned(),
        _ => server.url().to_owned(),
    };
    let mut tags = Vec::new();
    push_all(&mut run, (0..500).map(|tag| Request::get(tag, url(tag))), |_, outcome| tags.push(outcome.tag));
    assert!(tags.into_iter().eq(0..500));
}

#[test]
fn the_waker_is_woken_for_an_outcome() {
    let server = Server::start().unwrap();
    let mut run = client().run_pushed();
    let (bell, waker) = bell();
    let _watchdog = Watchdog::new();
    run.push(Request::get(1, format!("{}/delay/50", server.url()))).unwrap();
    let outcome = loop {
        match run.step() {
            Step::Outcome(outcome) => break outcome,
            Step::End => panic!("the input is open"),
            Step::Wait => {
                let before = bell.0.load(Ordering::SeqCst);
                if run.register(&waker) {
                    wait_until(|| bell.0.load(Ordering::SeqCst) > before);
                }
            }
        }
    };
    assert_eq!(outcome.result.unwrap().status, 200);
}

#[test]
fn the_waker_is_woken_when_the_run_is_cancelled() {
    let silent = RawServer::silent();
    let mut run = client().run_pushed();
    let (bell, waker) = bell();
    let _watchdog = Watchdog::new();
    run.push(Request::get(1, silent.url())).unwrap();
    wait_until(|| !silent.requests().is_empty());
    while !run.register(&waker) {
        assert!(matches!(run.step(), Step::Wait));
    }
    let control = run.control();
    std::thread::spawn(move || control.cancel()).join().unwrap();
    wait_until(|| bell.0.load(Ordering::SeqCst) == 1);
    assert_eq!(run.room(), 0);
    assert!(run.push(Request::get(2, silent.url())).is_err());
    assert!(matches!(run.step(), Step::End));
    assert!(run.is_cancelled());
    assert_eq!(run.receipt().cancelled, 1);
}

#[test]
fn dropping_a_pushed_run_closes_its_sockets() {
    let silent = RawServer::silent();
    let _watchdog = Watchdog::new();
    let mut run = client().run_pushed();
    for request in gets(&silent.url(), 5) {
        run.push(request).unwrap();
    }
    wait_until(|| silent.connections() == 5);
    drop(run);
    wait_until(|| silent.ended() == 5);
}

/// Runs a future on a runtime of one thread.
fn block_on<F: Future>(future: F) -> F::Output {
    let _watchdog = Watchdog::new();
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

#[test]
fn a_stream_of_requests_gives_a_stream_of_outcomes() {
    let server = Server::start().unwrap();
    let mut run = client().run_stream(stream::iter(gets(server.url(), 5000)));
    let tags: BTreeSet<_> = block_on(run.by_ref().map(|outcome| outcome.tag).collect());
    assert!(tags.into_iter().eq(0..5000));
    assert_eq!(run.receipt().ok, 5000);
    assert!(block_on(run.next()).is_none());
}

#[test]
fn a_request_that_comes_late_is_sent_at_once() {
    let server = Server::start().unwrap();
    let queue = Arc::new(Mutex::new((VecDeque::new(), None::<Waker>)));
    let source = queue.clone();
    let input = stream::poll_fn(move |context| {
        let (requests, waker) = &mut *source.lock().unwrap();
        *waker = Some(context.waker().clone());
        requests.pop_front().map_or(Poll::Pending, Poll::Ready)
    });
    let put = |request| {
        let (requests, waker) = &mut *queue.lock().unwrap();
        requests.push_back(request);
        waker.take().into_iter().for_each(Waker::wake);
    };
    let mut run = client().run_stream(input);
    block_on(async {
        for tag in 0..20 {
            let put = async {
                tokio::time::sleep(Duration::from_millis(5)).await;
                put(Some(Request::get(tag, server.url())));
            };
            // Each answer comes while the input has nothing more to give.
            assert_eq!(futures_util::future::join(run.next(), put).await.0.unwrap().tag, tag);
        }
        put(None);
        assert!(run.next().await.is_none());
    });
}

#[test]
fn a_stream_that_is_always_ready_leaves_time_for_other_tasks() {
    let silent = RawServer::silent();
    let slow = stream::iter(gets(&silent.url(), usize::MAX)).inspect(|_| {
        std::thread::sleep(Duration::from_micros(100));
    });
    let client = Client::builder().num_workers(1).concurrency(1).build().unwrap();
    block_on(async {
        let mut run = client.run_stream(slow);
        // 64 requests are taken ahead at once, and take longer than this.
        let timeout = tokio::time::timeout(Duration::from_millis(3), run.next());
        assert!(timeout.await.is_err());
        assert!(run.receipt().submitted < 64, "{:?}", run.receipt());
    });
}

#[test]
fn no_more_is_polled_than_the_queue_may_hold() {
    let server = Server::start().unwrap();
    let client = Client::builder().queue_max_size(5).build().unwrap();
    let polled = Arc::new(AtomicUsize::new(0));
    let count = polled.clone();
    let input = stream::iter(gets(server.url(), 300)).inspect(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let mut run = client.run_stream(input);
    block_on(async {
        for handed in 0..300 {
            assert!(polled.load(Ordering::SeqCst) <= handed + 5);
            assert!(run.next().await.is_some());
        }
        assert!(run.next().await.is_none());
    });
}

#[test]
fn dropping_a_streamed_run_drops_its_input_and_closes_its_sockets() {
    let silent = RawServer::silent();
    let kept = Arc::new(());
    let held = kept.clone();
    let input = stream::iter(gets(&silent.url(), usize::MAX)).inspect(move |_| drop(held.clone()));
    let mut run = client().run_stream(input);
    block_on(async {
        let next = tokio::time::timeout(Duration::from_millis(50), run.next()).await;
        assert!(next.is_err(), "nothing is answered");
    });
    wait_until(|| silent.connections() > 0);
    drop(run);
    assert_eq!(Arc::strong_count(&kept), 1);
    wait_until(|| silent.ended() == silent.connections());
}

#[test]
fn a_request_that_is_refused_before_any_io_wakes_who_waits_for_its_outcome() {
    for ordered in [false, true] {
        let mut run = Client::builder().ordered(ordered).build().unwrap().run_pushed();
        let (bell, waker) = bell();
        let _watchdog = Watchdog::new();
        while !run.register(&waker) {
            assert!(matches!(run.step(), Step::Wait));
        }
        run.push(Request::get((), "no URL")).unwrap();
        wait_until(|| bell.0.load(Ordering::SeqCst) == 1);
        assert!(!run.register(&waker), "something has happened since the last look");
        assert!(matches!(run.step(), Step::Outcome(_)));
    }
}

#[test]
fn a_stream_that_feeds_on_the_outcomes_goes_on_after_a_refusal() {
    let server = Server::start().unwrap();
    let url = format!("{}/", server.url());
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    sender.send(Request::get(0, &url[..])).unwrap();
    let mut sender = Some(sender);
    let mut run = client().run_stream(stream::poll_fn(move |context| receiver.poll_recv(context)));
    let _watchdog = Watchdog::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        while let Some(outcome) = run.next().await {
            let next = outcome.tag + 1;
            let target = if next % 2 == 0 { &url[..] } else { "no URL" };
            sender = sender.filter(|_| next < 100);
            if let Some(sender) = &sender {
                sender.send(Request::get(next, target)).unwrap();
            }
        }
    });
    assert_eq!((run.receipt().ok, run.receipt().failed), (50, 50));
}
