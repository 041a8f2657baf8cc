//! One contract, every engine: the same test must not be able to tell them apart.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "contract/log.rs"]
mod log;
#[path = "contract/moments.rs"]
mod moments;
#[path = "contract/queue.rs"]
mod queue;
#[path = "contract/scan.rs"]
mod scan;

use runtime::{Engine, Namespace, StoreUrl};

/// The topics that these tests write to.
const TOPICS: &[&str] = &["cart", "customer", "order"];

/// Opens an empty log of each engine; what the log needs to live is kept beside it.
mod open {
    use super::{Engine, Namespace, StoreUrl, TOPICS};

    pub(super) async fn memory() -> (Engine, ()) {
        (Engine::open(&StoreUrl::Memory, &Namespace::default(), TOPICS).await.unwrap(), ())
    }

    pub(super) async fn redis() -> (Engine, ()) {
        let namespace = testkit::RedisServer::namespace().parse().unwrap();
        let url = testkit::RedisServer::shared().url().parse().unwrap();
        (Engine::open(&url, &namespace, TOPICS).await.unwrap(), ())
    }

    pub(super) async fn cluster() -> (Engine, ()) {
        let namespace = testkit::RedisServer::namespace().parse().unwrap();
        let url = testkit::Cluster::shared().url().parse().unwrap();
        (Engine::open(&url, &namespace, TOPICS).await.unwrap(), ())
    }

    pub(super) async fn sqlite() -> (Engine, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().join("made/on/opening/log.db"));
        (Engine::open(&url, &Namespace::default(), TOPICS).await.unwrap(), folder)
    }
}

/// Each case on each engine.
macro_rules! contract {
    ($($module:ident: $($case:ident),+ $(,)?;)+) => {
        contract!(on memory: $($($module::$case)+)+);
        contract!(on redis: $($($module::$case)+)+);
        contract!(on cluster: $($($module::$case)+)+);
        contract!(on sqlite: $($($module::$case)+)+);
    };
    (on $engine:ident: $($module:ident::$case:ident)+) => {
        mod $engine {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let (engine, _alive) = crate::open::$engine().await;
                    crate::$module::$case(engine).await;
                }
            )+
        }
    };
}

contract! {
    log:
        positions_increase_across_topics_and_numbers_have_no_holes,
        a_read_gives_the_log_in_order_page_by_page,
        a_new_log_has_an_empty_head_and_its_first_commit_begins_an_epoch,
        an_event_comes_back_as_it_was_appended,
        what_was_read_must_not_have_changed,
        a_sagas_own_events_are_no_change,
        the_head_must_be_where_it_is_expected,
        kept_positions_are_kept_and_must_increase,
        a_position_far_ahead_of_the_clock_is_refused,
        the_order_is_kept_when_the_clock_is_behind_the_log,
        a_refused_commit_does_nothing_at_all,
        commits_of_one_batch_are_independent,
        a_checkpoint_moves_only_from_where_it_stands,
        who_was_taken_over_makes_no_step_wherever_the_consumer_stands,
        a_checkpoint_of_another_epoch_or_beyond_the_head_has_diverged,
        parked_entries_are_listed_in_order_a_page_at_a_time,
        a_listing_of_parked_entries_is_never_longer_than_its_limit,
        an_entry_is_set_aside_no_more_in_the_commit_of_what_is_done_about_it,
        who_wants_an_entry_tried_again_marks_it,
        the_bell_rings_for_what_comes_and_for_what_was_there,
        many_writers_make_one_order;
    moments:
        an_empty_log_has_no_places,
        places_are_found_as_by_walking_there,
        numbers_are_found_wherever_they_are,
        pages_backwards_are_the_log_from_its_end;
    queue:
        a_command_goes_through_claim_and_outcome,
        commands_are_claimed_in_order_and_by_service,
        a_waiting_claimer_gets_what_comes,
        a_settled_command_can_not_be_settled_again,
        rejections_and_commits_without_events_are_outcomes_too,
        an_expired_lease_hands_back_and_counts,
        a_command_that_takes_its_process_along_takes_no_other_command_along,
        a_command_that_failed_is_claimed_alone,
        who_claims_without_a_lease_has_one,
        a_late_commit_of_a_reaped_worker_is_refused,
        the_last_failed_attempt_makes_a_dead_letter,
        a_queue_is_listed_page_by_page_and_stays_as_it_is,
        a_released_worker_hands_back_in_order_and_uncounted,
        an_idempotency_key_is_taken_once,
        outcomes_are_hinted_at,
        a_role_has_one_holder_at_a_time;
    scan:
        a_scan_shows_what_reads_give,
        breaking_off_ends_a_scan,
        a_scan_tells_what_is_missing;
}
