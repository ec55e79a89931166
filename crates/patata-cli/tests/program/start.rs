//! The program does nothing that it need not.

use patata_testserver::Server;

use super::support::Place;

/// Files of settings, folders and threads are for who needs them.
#[test]
fn a_request_leaves_nothing_behind() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.run(&["get", server.url()]).ended(0);
    place.run_with(&format!("{}/\n", server.url()), &["run", "-"]).ended(0);
    assert_eq!(std::fs::read_dir(place.path("")).unwrap().count(), 0);
}
