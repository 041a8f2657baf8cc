//! Which slot of a Redis Cluster a key belongs to.
//!
//! Source: the Redis Cluster specification, "Key distribution model" and its appendix A (CRC16/XMODEM).

/// How many slots a cluster has.
const SLOTS: u16 = 16_384;

/// The slot of all keys with this hash tag.
pub(super) fn of_tag(tag: &str) -> u16 {
    crc16(tag.as_bytes()) % SLOTS
}

/// CRC16/XMODEM: polynomial 1021, begun at 0, highest bit first.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 { shifted } else { shifted ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        // What `CLUSTER KEYSLOT` of Redis 7.0 answers.
        assert_eq!((of_tag("foo"), of_tag("shop"), of_tag("")), (12_182, 3_808, 0));
    }
}
