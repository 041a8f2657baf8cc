use kernel::Position;
use proptest::prelude::*;

use super::{BLOCK, Block, HEADER, Packed, Packer, compress, mark, unpack, versions};

/// A version of its own: topic, key, position, the run of the version before, row.
type Owned = (&'static str, String, (u64, u64), u32, Option<String>);

fn any_versions() -> impl Strategy<Value = Vec<Owned>> {
    let topic = prop::sample::select(vec!["leaf", "note", "tree"]);
    let key = prop_oneof![4 => "[abc]{1,2}", 1 => "\\PC{0,12}", 1 => Just("\0".to_owned())];
    let row = prop_oneof![6 => "\\PC{0,40}", 1 => "[ab]{900,2000}", 1 => Just("x".repeat(3 * BLOCK))];
    let position = (any::<u64>(), any::<u64>());
    let version = (topic, key, position, any::<u32>(), prop::option::weighted(0.8, row));
    prop::collection::vec(version, 0..60).prop_map(|mut versions| {
        versions.sort();
        versions
    })
}

fn pack(versions: &[Owned]) -> Vec<Block> {
    let mut packer = Packer::after(6);
    let numbers: Vec<_> = versions.iter().map(packed).map(|(topic, version)| packer.push(topic, &version)).collect();
    let mut blocks = packer.finish();
    assert_eq!(numbers.iter().min(), blocks.first().map(|_| &7));
    assert_eq!(numbers.last(), blocks.last().map(|block| &block.id));
    compress(&mut blocks);
    blocks
}

fn packed((topic, key, (ms, seq), before, row): &Owned) -> (&'static str, Packed<'_>) {
    (topic, Packed { key, position: Position::new(*ms, *seq), before: *before, row: row.as_deref() })
}

/// The whole versions, and whether there was sense in the rest.
fn read(text: &[u8]) -> (Vec<Packed<'_>>, bool) {
    let found: Vec<_> = versions(text).collect();
    let sound: Vec<_> = found.iter().copied().map_while(|version| version).collect();
    assert!(found.len() <= sound.len() + 1, "nothing is read after what makes no sense");
    let makes_sense = found.len() == sound.len();
    (sound, makes_sense)
}

proptest! {
    #[test]
    fn what_is_packed_is_unpacked(given in any_versions()) {
        let blocks = pack(&given);
        let texts: Vec<_> = blocks.iter().map(|block| (block, unpack(&block.packed).unwrap())).collect();
        let mut found = Vec::new();
        for (block, text) in &texts {
            let (versions, makes_sense) = read(text);
            prop_assert!(makes_sense);
            let first = versions.first().unwrap();
            prop_assert_eq!((&*block.key, block.position), (first.key, first.position));
            let marks: Vec<_> = versions.chunk_by(|a, b| a.key == b.key).flat_map(|same| mark(same[0].key)).collect();
            prop_assert_eq!(&block.keys, &marks);
            let last = versions.last().unwrap().bytes();
            prop_assert!(text.len() - last < BLOCK, "{} bytes before the last version", text.len() - last);
            prop_assert_eq!(versions.iter().map(Packed::bytes).sum::<usize>(), text.len());
            found.extend(versions.into_iter().map(|version| (block.topic, version)));
        }
        let expected: Vec<_> = given.iter().map(packed).collect();
        prop_assert_eq!(found, expected);
        // A block is no smaller than it may be, but where the next is of another topic.
        for pair in texts.windows(2) {
            prop_assert!(pair[0].1.len() >= BLOCK || pair[0].0.topic != pair[1].0.topic);
        }
    }

    #[test]
    fn what_is_cut_off_is_read_up_to_there(given in any_versions(), cut in any::<prop::sample::Index>()) {
        for Block { packed, .. } in pack(&given) {
            let text = unpack(&packed).unwrap();
            let cut_text = &text[..cut.index(text.len())];
            let (whole, _) = read(&text);
            let (found, makes_sense) = read(cut_text);
            prop_assert_eq!(&found[..], &whole[..found.len()]);
            let end: usize = found.iter().map(Packed::bytes).sum();
            prop_assert_eq!(makes_sense, end == cut_text.len());
            // Half a block is none.
            prop_assert_eq!(unpack(&packed[..cut.index(packed.len())]), None);
        }
    }

    #[test]
    fn garbage_is_no_block(garbage in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(text) = unpack(&garbage) {
            read(&text);
        }
        let (found, makes_sense) = read(&garbage);
        prop_assert!(found.iter().map(Packed::bytes).sum::<usize>() <= garbage.len());
        prop_assert!(makes_sense || garbage.len() >= found.len() * HEADER);
    }

    #[test]
    fn a_block_with_a_byte_changed_is_read_without_a_panic(
        given in any_versions(), at in any::<prop::sample::Index>(), byte in 1..=255_u8
    ) {
        for Block { mut packed, .. } in pack(&given) {
            let at = at.index(packed.len());
            packed[at] ^= byte;
            if let Some(text) = unpack(&packed) {
                read(&text);
            }
        }
    }
}

#[test]
fn a_block_that_says_it_is_enormous_is_none() {
    let mut packed = u32::MAX.to_le_bytes().to_vec();
    packed.extend([0; 64]);
    assert_eq!(unpack(&packed), None);
    for short in 0..4 {
        assert_eq!(unpack(&packed[..short]), None);
    }
    assert_eq!(pack(&[]).len(), 0);
}
