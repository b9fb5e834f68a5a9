//! The partition of a key in a topic: the same one that Kafka's own producers choose.

/// The partition of `key` among `partitions`; a message without a key goes to the first one.
pub(super) fn partition(key: Option<&str>, partitions: usize) -> usize {
    let Some(key) = key else { return 0 };
    let hash = murmur2(key.as_bytes()) & 0x7fff_ffff;
    hash as usize % partitions.max(1)
}

/// `MurmurHash2` with Kafka's seed, as in `org.apache.kafka.common.utils.Utils`.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    // A key is far shorter than 4 GiB; the hash uses the length modulo that.
    let mut hash = SEED ^ u32::try_from(data.len()).unwrap_or(u32::MAX);
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut word = u32::from_le_bytes(*word).wrapping_mul(M);
        word ^= word >> R;
        hash = hash.wrapping_mul(M) ^ word.wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (place, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * place);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_kafkas() {
        // These values are from the tests of Kafka's own Utils.
        for (text, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(text.as_bytes()).cast_signed(), hash, "{text}");
        }
    }

    #[test]
    fn a_key_stays_where_it_is() {
        assert_eq!(partition(None, 7), 0);
        assert_eq!(partition(Some("map1"), 1), 0);
        let places: std::collections::BTreeSet<usize> = (0..100)
            .map(|name| partition(Some(&format!("map{name}")), 4))
            .collect();
        assert_eq!(places.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
    }
}
