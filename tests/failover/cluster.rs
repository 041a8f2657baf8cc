//! A whole system in a Redis Cluster, whose slot moves meanwhile.

use testkit::Cluster;

use super::{At, common::until, customers::Customers};

#[test]
fn a_system_whose_slot_moves_goes_on_by_itself() {
    let cluster = Cluster::start();
    let at = At::of(cluster.url(), "shop", "local");
    let up = at.up();
    let http = up.http();
    let slot = cluster.slot_of("shop");
    let owner = cluster.owner_of(slot);
    let customers = Customers::made_while(http, |customers| {
        customers.until_more(40);
        for to in [(owner + 1) % 3, owner] {
            let migration = cluster.migrate(slot, to);
            assert_eq!(migration.move_keys(3), 3);
            customers.until_refused(4);
            migration.finish();
            customers.until_more(40);
        }
    });
    println!("{} customers, {} times unavailable", customers.count(), customers.refused());
    customers.check(http);
    until("nothing is left to do", || at.run(&["audit"]).status.success().then_some(()));
    let rebuilt = at.run(&["rebuild", "--approve"]);
    assert!(rebuilt.status.success(), "{}", super::common::process::talk(&rebuilt));
    customers.check(http);
    assert_eq!(up.stop().code(), Some(0));
}
