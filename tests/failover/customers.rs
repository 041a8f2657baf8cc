//! Clients who make customers and write down which ones they were promised.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use serde_json::json;

use super::common::{DEADLINE, Http, until};

/// How many make customers at the same time.
const CLIENTS: usize = 4;

/// What clients were told.
#[derive(Default)]
pub(super) struct Customers {
    /// The ids of customers that were acknowledged.
    promised: Mutex<Vec<String>>,
    /// How often the answer was that it is not available now.
    refused: Mutex<usize>,
    stop: AtomicBool,
}

impl Customers {
    /// Has customers made while `meanwhile` does what it does.
    pub(super) fn made_while(http: &Http, meanwhile: impl FnOnce(&Self)) -> Self {
        let customers = Self::default();
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let customers = &customers;
                scope.spawn(move || customers.make(http, client));
            }
            // A failed assertion must not leave the clients at work.
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| meanwhile(&customers)));
            customers.stop.store(true, Ordering::Relaxed);
            if let Err(panic) = ended {
                std::panic::resume_unwind(panic);
            }
        });
        customers
    }

    /// How many were acknowledged.
    pub(super) fn count(&self) -> usize {
        self.promised.lock().unwrap().len()
    }

    /// How often the answer was that it is not available now.
    pub(super) fn refused(&self) -> usize {
        *self.refused.lock().unwrap()
    }

    /// Waits until so many more were acknowledged.
    #[track_caller]
    pub(super) fn until_more(&self, more: usize) {
        let target = self.count() + more;
        until("customers are made", || (self.count() >= target).then_some(()));
    }

    /// Waits until so many more were refused.
    #[track_caller]
    pub(super) fn until_refused(&self, more: usize) {
        let target = self.refused() + more;
        until("it is unavailable", || (self.refused() >= target).then_some(()));
    }

    /// Each is there, once.
    pub(super) fn check(&self, http: &Http) {
        let promised = self.promised.lock().unwrap();
        let all = until("the customers can be read", || {
            let answer = http.try_get("/customers");
            (answer.status == 200).then(|| answer.result())
        });
        let all: Vec<_> = all.as_array().unwrap().iter().map(|row| row["entity_id"].as_str().unwrap()).collect();
        for id in promised.iter() {
            assert!(all.contains(&id.as_str()), "I1: customer {id} was acknowledged and is lost");
        }
        assert_eq!(all.len(), promised.len(), "I2: every customer once");
    }

    fn make(&self, http: &Http, client: usize) {
        for number in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            self.make_one(http, &format!("{client}-{number}"));
        }
    }

    /// Insists on one customer.
    pub(super) fn make_one(&self, http: &Http, key: &str) {
        let body = json!({"name": key, "email": format!("{key}@shop.example")}).to_string();
        let deadline = Instant::now() + DEADLINE;
        loop {
            assert!(Instant::now() < deadline, "no outcome of {key} within {} s", DEADLINE.as_secs());
            let answer = http.send_with("POST", "/customer", &body, &[("idempotency-key", key)]);
            match answer.status {
                200 => {
                    let id = answer.result()[0].as_str().unwrap().to_owned();
                    self.promised.lock().unwrap().push(id);
                    break;
                }
                // Still in progress, unavailable, or the outcome is not known yet.
                409 | 503 | 504 => *self.refused.lock().unwrap() += 1,
                _ => panic!("{answer:?}"),
            }
        }
    }
}
