//! A disk that takes nothing more: responses come all the same, it is said why nothing is stored, and what was is not harmed.

use std::path::Path;
use std::sync::Arc;

use patata::{Client, Request, ResponseCache};
use patata_cache::{CacheMode, UsedCache};

use super::child::{Process, say};
use super::server::{Answer, Server};
use super::{body, files, has, open, store};

/// How many there are that cannot be stored.
const REFUSED: usize = 50;

fn small(number: usize) -> String {
    format!("http://a/{number}")
}

/// Fills a cache that others are to find, and says what there is.
fn filled(folder: &Path) -> usize {
    let cache = open(folder);
    (0..20).for_each(|number| store(&cache, &small(number), &body(&small(number), 0, 1_000), None));
    files(folder).len()
}

/// Asks a server for what cannot be stored, then says what came of it.
fn ask_for_more(folder: &Path) {
    let answer =
        |_: &_| Answer("200 OK", vec![("Cache-Control", "max-age=60".to_owned())], "potato".repeat(10_000));
    let server = Server::start(answer);
    let cache = Arc::new(open(folder));
    let used: Arc<dyn ResponseCache> = Arc::new(UsedCache::new(cache.clone(), CacheMode::Standard));
    let client = Client::builder().without_proxy().cache(used).build().unwrap();
    let mut run = client.run((0..REFUSED).map(|id| Request::get(id, format!("{}/{id}", server.url))));
    let whole = run.by_ref().filter(|outcome| {
        outcome.result.as_ref().is_ok_and(|response| response.text() == "potato".repeat(10_000))
    });
    say(&format!("whole {}", whole.count()));
    say(&format!("trouble {}", run.receipt().cache_trouble.clone().unwrap_or_default()));
    assert!((0..20).all(|number| has(&cache, &small(number))));
}

pub(crate) fn store_too_much(folder: &Path) {
    ask_for_more(folder);
    let cache = open(folder);
    // There is room for those.
    store(&cache, &small(100), &body(&small(100), 0, 1_000), None);
    assert!(has(&cache, &small(100)) && cache.take_trouble().is_none());
    // A body in a file of its own, of which nothing is left.
    store(&cache, &small(101), &body(&small(101), 0, 200_000), None);
    assert!(!has(&cache, &small(101)));
    let trouble = cache.take_trouble().unwrap().to_string();
    assert!(trouble.contains("File too large"), "{trouble}");
    assert!(cache.take_trouble().is_none());
    say("done");
}

pub(crate) fn store_where_nothing_may_be_written(folder: &Path) {
    ask_for_more(folder);
    say("done");
}

/// A shell limits how long a file may be: where the limit is passed, writes fail as on a disk that is full.
#[test]
#[cfg(unix)]
fn a_disk_that_is_full_is_said_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let before = filled(folder.path());
    // In blocks of 512 bytes; a write beyond it is to be an error and no signal.
    let said = Process::start_after(r#"trap "" XFSZ; ulimit -f 64"#, folder.path(), "limited").rest();
    assert_eq!(said[0], format!("whole {REFUSED}"));
    assert!(said[1].contains("File too large") && said[1].contains("has room"), "{said:?}");
    assert_eq!(said.last().map(String::as_str), Some("done"), "{said:?}");
    let left = files(folder.path());
    assert!(left.len() < before + 10, "what could not be written is left: {left:?}");
    let cache = open(folder.path());
    assert!((0..20).all(|number| has(&cache, &small(number))) && has(&cache, &small(100)));
}

/// As a user who may read only.
#[test]
#[cfg(unix)]
fn a_folder_that_may_only_be_read_is_used_and_nothing_is_stored() {
    use std::fs::{Permissions, copy, metadata, set_permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;

    let home = tempfile::tempdir().unwrap();
    let (folder, program) = (home.path().join("cache"), home.path().join("program"));
    filled(&folder);
    let before = files(&folder);
    copy(std::env::current_exe().unwrap(), &program).unwrap();
    let folders = [home.path().to_owned(), folder.clone(), folder.join("segments"), folder.join("bodies")];
    folders.iter().for_each(|path| set_permissions(path, Permissions::from_mode(0o555)).unwrap());
    before.iter().for_each(|(path, _)| set_permissions(path, Permissions::from_mode(0o444)).unwrap());
    let mut command = std::process::Command::new(&program);
    command.args(["--exact", "child::child_process", "--ignored", "--nocapture"]).current_dir("/");
    if metadata(&folder).unwrap().uid() == 0 {
        // Whoever may do anything becomes nobody.
        command.uid(65_534);
    }
    let said = Process::start_as(&mut command, &folder, "refused").rest();
    folders.iter().for_each(|path| set_permissions(path, Permissions::from_mode(0o755)).unwrap());
    assert_eq!(said[0], format!("whole {REFUSED}"));
    assert!(said[1].contains("ermission denied"), "{said:?}");
    assert_eq!(said.last().map(String::as_str), Some("done"), "{said:?}");
    assert_eq!(files(&folder), before);
}
