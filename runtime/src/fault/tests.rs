//! What `RETRACE_FAULT` may say. What the points do is tested on processes that die of them.

use std::collections::BTreeSet;

use super::*;

fn parsed(text: &str) -> Result<(&'static str, u64, Fault), FaultError> {
    parse(text).map(|armed| (armed.point, armed.hit, armed.fault))
}

#[test]
fn a_point_and_a_hit_arm_it() {
    assert_eq!(parsed("worker.claimed:1"), Ok(("worker.claimed", 1, Fault::Abort)));
    assert_eq!(parsed("saga.read:12:freeze"), Ok(("saga.read", 12, Fault::Freeze)));
    for wrong in ["", "worker.claimed", "worker.claimed:", "worker.claimed:0", "worker.claimed:-1", "saga.read:x"] {
        assert_eq!(parsed(wrong), Err(FaultError::Malformed(wrong.to_owned())));
    }
    for wrong in ["saga.read:1:", "saga.read:1:thaw", "saga.read:1:freeze:2"] {
        assert_eq!(parsed(wrong), Err(FaultError::Malformed(wrong.to_owned())));
    }
    assert_eq!(parsed("worker.claim:1"), Err(FaultError::Unknown("worker.claim".to_owned())));
}

#[test]
fn what_can_not_be_followed_is_told_with_the_points() {
    let all = POINTS.iter().map(|point| point.name).collect::<Vec<_>>().join(", ");
    assert_eq!(
        FaultError::Unknown("worker.claim".to_owned()).to_string(),
        format!("RETRACE_FAULT names fault point \"worker.claim\", which there is not; the points are {all}")
    );
    assert_eq!(
        FaultError::Malformed("saga.read".to_owned()).to_string(),
        format!(
            "RETRACE_FAULT is \"saga.read\"; expected <point>:<hit> or <point>:<hit>:freeze, counting hits from 1; \
             the points are {all}"
        )
    );
}

#[test]
fn no_two_points_have_one_name() {
    let names: BTreeSet<_> = POINTS.iter().map(|point| point.name).collect();
    assert_eq!(names.len(), POINTS.len());
}
