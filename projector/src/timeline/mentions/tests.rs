use kernel::Position;
use proptest::prelude::*;

use super::{MENTION, PARTS, find, pack, part};

/// Hashes some of which share their half, their part, or both.
fn any_hash() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        (0..2_u64, 0..3_u64, 0..2_u64).prop_map(|(part, middle, half)| part << 63 | middle << 40 | half),
    ]
}

fn any_mentions() -> impl Strategy<Value = Vec<(u64, Position)>> {
    let position = (any::<u64>(), any::<u64>()).prop_map(|(ms, seq)| Position::new(ms, seq));
    prop::collection::vec((any_hash(), position), 0..80)
}

proptest! {
    #[test]
    fn what_shares_part_and_half_is_found_in_log_order(mentions in any_mentions(), other in any_hash()) {
        let parts = pack(&mentions);
        prop_assert_eq!(parts.len(), PARTS);
        prop_assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), mentions.len() * MENTION);
        for id in mentions.iter().map(|(id, _)| *id).chain([other]) {
            let is_like = |like: u64| part(like) == part(id) && like as u32 == id as u32;
            let expected: Vec<_> = mentions.iter().filter(|(like, _)| is_like(*like)).map(|(_, at)| *at).collect();
            prop_assert_eq!(find(&parts[part(id) as usize], &[id].into()), Some(expected));
        }
    }

    #[test]
    fn garbage_is_told_by_its_length(garbage in prop::collection::vec(any::<u8>(), 0..100), id in any_hash()) {
        prop_assert_eq!(find(&garbage, &[id].into()).is_some(), garbage.len().is_multiple_of(MENTION));
    }
}
