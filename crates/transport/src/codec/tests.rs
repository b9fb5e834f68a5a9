//! Tests of the `codec` module: what was written is read, in any pieces, and nothing else is.

use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;

use super::*;
use crate::frame::{LateSlot, MOST_LATE, canonical};
use crate::key::{ClaimKey, ConnectionKeys, KEY_LENGTH};

const CLAIM: &str = "_c_a-lock-0000000001";

fn keys(claim: &str, key: u8, server: u8, client: u8) -> ConnectionKeys {
    let key = ClaimKey::new([key; KEY_LENGTH]);
    key.connection(claim, &[server; KEY_LENGTH], &[client; KEY_LENGTH])
}

fn usual() -> ConnectionKeys {
    keys(CLAIM, 1, 2, 3)
}

fn beat(version: i32) -> Frame {
    Frame::Beat {
        version: Some(version),
        text: b"alive at 1.5!\n".to_vec(),
    }
}

fn written(frames: &[Frame]) -> Vec<u8> {
    let (mut writer, mut bytes) = (FrameWriter::new(usual().to_server), Vec::new());
    for frame in frames {
        writer.write(frame, &mut bytes).expect("of legal length");
    }
    bytes
}

/// All frames up to the first error, if there is one.
fn read(key: FrameKey, pieces: &[&[u8]]) -> (Vec<Frame>, Option<FrameError>) {
    let (mut reader, mut frames) = (FrameReader::new(key), Vec::new());
    for piece in pieces {
        let mut input = *piece;
        loop {
            match reader.read(&mut input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
        assert!(input.is_empty());
        assert!(reader.bytes.len() < LENGTH + LONGEST + MAC);
    }
    (frames, None)
}

fn address() -> impl Strategy<Value = SocketAddr> {
    (any::<IpAddr>(), any::<u16>()).prop_map(|(ip, port)| canonical(SocketAddr::new(ip, port)))
}

/// The version and the text of a beat.
fn content() -> impl Strategy<Value = (Option<i32>, Vec<u8>)> {
    let text = proptest::collection::vec(any::<u8>(), 0..LONGEST_TEXT);
    (proptest::option::of(0..=i32::MAX), text)
}

fn frame() -> impl Strategy<Value = Frame> {
    let name = "\\PC{1,60}";
    prop_oneof![
        (any::<i64>(), name, any::<u16>(), address(), address()).prop_map(
            |(session, name, port, local, remote)| Frame::Hello {
                session,
                name,
                port,
                local,
                remote,
            }
        ),
        any::<bool>().prop_map(|is_direct| Frame::Welcome { is_direct }),
        content().prop_map(|(version, text)| Frame::Beat { version, text }),
        any::<bool>().prop_map(|finished| Frame::Goodbye { finished }),
        (any::<u16>(), any::<i64>(), any::<u16>(), name).prop_map(|(slot, session, port, name)| {
            Frame::Joined {
                slot,
                session,
                port,
                name,
            }
        }),
        (any::<u16>(), any::<Option<bool>>())
            .prop_map(|(slot, goodbye)| Frame::Left { slot, goodbye }),
        (any::<u16>(), content()).prop_map(|(slot, (version, text))| Frame::Relayed {
            slot,
            version,
            text,
        }),
        proptest::collection::vec((any::<u16>(), any::<u16>()), 0..MOST_LATE).prop_map(|late| {
            let late = late.into_iter();
            let late = late.map(|(slot, silence_ms)| LateSlot { slot, silence_ms });
            Frame::Group {
                late: late.collect(),
            }
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_in_any_pieces(
        frames in proptest::collection::vec(frame(), 1..6),
        size in 1_usize..5000,
    ) {
        let bytes = written(&frames);
        let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
        prop_assert_eq!(read(usual().to_server, &pieces), (frames, None));
    }

    #[test]
    fn one_changed_bit_ends_the_connection(frame in frame(), at in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let mut bytes = written(&[frame]);
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        // A length that has grown waits for the rest.
        bytes.extend([0; LONGEST]);
        let (frames, error) = read(usual().to_server, &[&bytes]);
        prop_assert_eq!(frames, vec![]);
        prop_assert!(error.is_some());
    }

    #[test]
    fn nothing_makes_a_reader_grow(bytes in proptest::collection::vec(any::<u8>(), 0..20_000)) {
        let (frames, _) = read(usual().to_server, &[&bytes]);
        prop_assert_eq!(frames, vec![]);
    }
}

#[test]
fn frames_of_another_key_claim_connection_or_direction_are_refused() {
    let bytes = written(&[beat(1)]);
    for other in [
        keys(CLAIM, 9, 2, 3).to_server,
        keys("_c_a-lock-0000000002", 1, 2, 3).to_server,
        keys(CLAIM, 1, 9, 3).to_server,
        keys(CLAIM, 1, 2, 9).to_server,
        usual().to_client,
    ] {
        assert_eq!(read(other, &[&bytes]), (vec![], Some(FrameError::Mac)));
    }
}

#[test]
fn a_repeated_a_missing_and_a_swapped_frame_are_refused() {
    let bytes = written(&[beat(1), beat(2), beat(3)]);
    let parts: Vec<&[u8]> = bytes.chunks(bytes.len() / 3).collect();
    let refused = |count: i32| ((1..=count).map(beat).collect(), Some(FrameError::Mac));
    let to_server = || usual().to_server;
    assert_eq!(read(to_server(), &[parts[0], parts[0]]), refused(1));
    assert_eq!(read(to_server(), &[parts[0], parts[2]]), refused(1));
    assert_eq!(read(to_server(), &[parts[1], parts[0]]), refused(0));
}

#[test]
fn what_is_too_long_is_neither_written_nor_awaited() {
    let mut writer = FrameWriter::new(usual().to_server);
    let mut bytes = Vec::new();
    let long = Frame::Beat {
        version: Some(1),
        text: vec![b'x'; LONGEST_TEXT + 1],
    };
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let nameless = Frame::Hello {
        session: 1,
        name: String::new(),
        port: 0,
        local: address,
        remote: address,
    };
    for wrong in [&long, &nameless] {
        assert_eq!(writer.write(wrong, &mut bytes), Err(FrameError::Length));
    }
    assert!(bytes.is_empty());
    // What was refused does not count.
    writer.write(&beat(1), &mut bytes).expect("of legal length");
    assert_eq!(read(usual().to_server, &[&bytes]), (vec![beat(1)], None));
    for length in [0, u16::MAX] {
        let begin = length.to_be_bytes();
        assert_eq!(
            read(usual().to_server, &[&begin]),
            (vec![], Some(FrameError::Length))
        );
    }
}

#[test]
fn an_ipv4_address_that_is_mapped_into_ipv6_is_read_as_ipv4() {
    let address = |ip: &str, port| SocketAddr::new(ip.parse().expect("an address"), port);
    let hello = |local| Frame::Hello {
        session: 1,
        name: "m".to_owned(),
        port: 2,
        local,
        remote: address("fe80::1", 5),
    };
    let bytes = written(&[hello(address("::ffff:10.1.2.3", 4))]);
    let read = read(usual().to_server, &[&bytes]);
    assert_eq!(read, (vec![hello(address("10.1.2.3", 4))], None));
}

#[test]
fn an_authenticated_frame_of_an_unknown_form_is_refused() {
    for content in [
        &[][..],
        &[9],
        &[1, 0],
        // Without a name.
        &[[1].as_slice(), &[0; 8 + 2 + 18 + 18]].concat(),
        &[2],
        &[2, 2],
        &[3, 1, 2],
        // A negative version that does not mean unknown.
        &[3, 0xff, 0xff, 0xff, 0xfe],
        &[4],
        &[4, 2],
        &[4, 1, 1],
    ] {
        assert_eq!(Frame::read(content), Err(FrameError::Form), "{content:?}");
    }
}
