//! What networks do between everything and its store, while orders are placed: each request is answered in time, what
//! was acknowledged is there once, and everything goes on by itself.

use std::time::Duration;

use crate::common::{Store, until};
use crate::load::{Load, Shop};
use testkit::{Fault, Proxy, RedisServer};

/// How many clients order at the same time.
const CLIENTS: usize = 3;

/// Has a shop work through a proxy, which does something to its connections while `during` is done.
fn through(fault: Fault, during: impl FnOnce(&Load)) {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.socket());
    let store = Store::Url(proxy.url());
    let up = store.up();
    // Either has to keep its lease, or the other takes what it has claimed.
    let other = store.roles(&["services"]);
    let http = up.http();
    let shop = Shop::open(http);
    let promised = shop.during(CLIENTS, |load| {
        load.go_on(3);
        proxy.set(fault);
        during(load);
        proxy.set(Fault::None);
        load.go_on(5);
        until("it is ready again", || (http.try_get("/readyz").status == 200).then_some(()));
    });
    println!("{fault:?}: answers by status {:?}, {} connections harmed", promised.answers, proxy.harmed());
    let is_harmless = matches!(fault, Fault::None | Fault::Delay(_) | Fault::Bytewise);
    assert_eq!(proxy.harmed() > 0, !is_harmless);
    shop.check(&Store::Url(server.url()), &promised);
    assert!(other.stop().success() && up.stop().success());
}

#[test]
fn two_seconds_of_delay_only_take_time() {
    through(Fault::Delay(Duration::from_secs(2)), |load| load.are_acknowledged(CLIENTS));
}

#[test]
fn bytes_that_come_one_by_one_are_put_together() {
    through(Fault::Bytewise, |load| load.go_on(5));
}

#[test]
fn a_connection_that_swallows_everything_is_given_up() {
    through(Fault::HalfOpen, |load| load.are_refused(CLIENTS));
}

#[test]
fn lost_replies_are_asked_for_again_and_nothing_is_done_twice() {
    through(Fault::LoseReply(11), |load| load.go_on(5));
}

#[test]
fn a_network_that_is_cut_and_comes_back_is_found_again() {
    through(Fault::Cut, |load| load.are_refused(CLIENTS));
}

#[test]
fn a_network_that_resets_connections_is_found_again() {
    through(Fault::Reset, |load| load.are_refused(CLIENTS));
}
