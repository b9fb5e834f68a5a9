//! Vectors of Java's own client and server, and messages that are not what they had to be.

use super::*;
use crate::umbilical::digest::{Party, answer};
use crate::umbilical::protection::Protection;
use crate::umbilical::testing::bytes;

/// What `tests/hadoop/umbilical/Vectors.java` has printed, with `OpenJDK` 17.
struct Vector {
    challenge: &'static str,
    /// The client's nonce, and its response to the challenge.
    nonce: &'static str,
    response: &'static str,
    proof: &'static str,
    terms: Terms,
    /// Messages of the client, then of the server.
    said: [&'static str; 3],
    answered: [&'static str; 3],
}

/// The messages.
const SAID: [&str; 3] = ["a call", "b", "one more call, which is longer than a block"];
const ANSWERED: [&str; 3] = ["an answer", "xxxxxxxxxxxxxxxxxxxxxx", "the last"];

const VECTORS: [Vector; 3] = [
    Vector {
        challenge: "realm=\"default\",nonce=\"0qtd7xzMAKnfRqAI4DiLeLwz9ZRF3lq+MBaczuw4\",qop=\"auth-int\
                    \",charset=utf-8,algorithm=md5-sess",
        nonce: "vJj+L1kGKtwYIwiSodb7B0l5+wcyyFP103ttyE+C",
        response: "709a717ece7cba31c3511e46c46b89c6",
        proof: "rspauth=e2d430f07201d33bdae96527f79c55c6",
        terms: Terms::Integrity,
        said: [
            "612063616c6cc0eaa31b9a53e1ce39f0000100000000",
            "628baedab48ecf04158a0f000100000001",
            "6f6e65206d6f72652063616c6c2c207768696368206973206c6f6e676572207468616e206120626c6f63\
                    6b74db8a5ebff168c85789000100000002",
        ],
        answered: [
            "616e20616e737765721c3ced14d21ef3e8b735000100000000",
            "78787878787878787878787878787878787878787878bd21482d187b3c37f452000100000001",
            "746865206c617374ecd8848fd66a71e0a465000100000002",
        ],
    },
    Vector {
        challenge: "realm=\"default\",nonce=\"dAlhNb2EbekuLwu26hp0lebOX4q0pY7j6ipvAjNb\",qop=\"auth-conf\
                    \",charset=utf-8,cipher=\"3des,rc4,des,rc4-56,rc4-40\",algorithm=md5-sess",
        nonce: "/vtcV/IPXRkAp38yneqINDBzK7h6iQgFn+DIA/8q",
        response: "b9c6aa2c5f9323e2cec0c6239e1182f9",
        proof: "rspauth=342c658e7a467bbeeb0d8f6baeda7507",
        terms: Terms::Privacy(CipherKind::TripleDes),
        said: [
            "9211c19e14b1ef121b1d084a789f9ceb2c4f3ab170fe8863000100000000",
            "c865adca0d311260db1bf7b4f77ac26c000100000001",
            "1052a0f4b8f41ee64c88690250107e4f76633a83e3cb4dad0f60496aae71652af614ede7ee8c4d60f603\
                    a38ff9eb80cbc9fcea0a41c19f58000100000002",
        ],
        answered: [
            "fc1f7120b05c6abac47d47580c3acd1d0226c5577fae78d9000100000000",
            "d973375baf59def146399cf97806181f1f98d71d6a6baa7f5d22a9dd49c7bfacbeda7a510f3b72f50001\
                    00000001",
            "b4ac433fa6d7c22cf29814a13d92a479430607a3681a41ba000100000002",
        ],
    },
    Vector {
        challenge: "realm=\"default\",nonce=\"ylrnBGmyM5ZyAiT3Qn8N56Ya7Swo/YYShQSOVv2a\",qop=\"auth-conf\
                    \",charset=utf-8,cipher=\"3des,rc4,des,rc4-56,rc4-40\",algorithm=md5-sess",
        nonce: "KSeL5An0r+3wN2/Xv8TSNUVYEHDvYXq+fgwoCyAm",
        response: "02959badb6639fcfb3241cff362b30a0",
        proof: "rspauth=500b3b04590f2245612b82186df810b5",
        terms: Terms::Privacy(CipherKind::Rc4),
        said: [
            "85de9ec8cd3a50d6f88684ca48e8e0b4000100000000",
            "13f4646a0ae039c159c13f000100000001",
            "014957c5fce5eb158bf290866503089fad29f6f342bdb29bb2a9338e380469569dd625c40db0cf5a08c4\
                    86d92219e668c60c3f007c000100000002",
        ],
        answered: [
            "1eb220aff71ff03450a79c9ede96e467037bd1000100000000",
            "d1b4dc48556c10d6315f134cae8f9a54388640e63a4d7341165b14a9d3d3af5e000100000001",
            "ce1d52932d5df8548527293dd22e62842d58000100000002",
        ],
    },
];

fn party(nonce: &'static str) -> Party<'static> {
    Party {
        user: "chris",
        password: "secret",
        uri: "/default",
        nonce,
    }
}

#[test]
fn javas_client_would_have_said_the_same_and_javas_server_is_understood() {
    for vector in VECTORS {
        let mut challenge = vector.challenge.to_owned();
        if vector.terms == Terms::Privacy(CipherKind::Rc4) {
            // The server offered both ciphers, and its client was told to take this one.
            challenge = challenge.replace("3des,", "");
        }
        let party = party(vector.nonce);
        let answer = answer(challenge.as_bytes(), party, Protection::Integrity).unwrap();
        let response = format!(",response={}", vector.response);
        assert!(answer.text.contains(&response), "{}", answer.text);
        let agreed = answer.agreed(Some(vector.proof.as_bytes()));
        let (mut layer, most) = agreed.expect("the proof").expect("a layer");
        assert_eq!(most, 65_536 - GROWTH);
        for (text, expected) in SAID.iter().zip(vector.said) {
            assert_eq!(layer.wrap(text.as_bytes()), Ok(bytes(expected)), "{text}");
        }
        for (text, wrapped) in ANSWERED.iter().zip(vector.answered) {
            let text = text.as_bytes().to_vec();
            assert_eq!(layer.unwrap(&bytes(wrapped)), Ok(text));
        }
    }
}

/// All terms, and the two ends of a connection on each.
fn ends() -> impl Iterator<Item = (SecurityLayer, SecurityLayer)> {
    let terms = [
        Terms::Integrity,
        Terms::Privacy(CipherKind::TripleDes),
        Terms::Privacy(CipherKind::Rc4),
    ];
    terms.into_iter().map(|terms| {
        let end = |end| SecurityLayer::new(terms, b"a secret of both", end);
        (end(End::Client), end(End::Server))
    })
}

#[test]
fn messages_of_every_length_arrive_in_both_directions() {
    for (mut client, mut server) in ends() {
        for length in 0..40 {
            let text = vec![7; length];
            let wrapped = client.wrap(&text).unwrap();
            assert!(wrapped.len() <= length + GROWTH);
            assert_eq!(server.unwrap(&wrapped), Ok(text.clone()));
            let wrapped = server.wrap(&text).unwrap();
            assert_eq!(client.unwrap(&wrapped), Ok(text));
        }
    }
}

#[test]
fn a_message_that_is_not_the_next_is_refused_and_so_is_all_that_follows() {
    for change in 0..7 {
        for (mut client, mut server) in ends() {
            let [first, second, third] =
                ["first", "second", "third"].map(|text| server.wrap(text.as_bytes()).unwrap());
            assert_eq!(client.unwrap(&first), Ok(b"first".to_vec()));
            let wrong = match change {
                0 => first,
                1 => third.clone(),
                2 => second[1..].to_vec(),
                3 => second[..second.len() - 1].to_vec(),
                4 => [&second[..], &[0]].concat(),
                5 => Vec::new(),
                // Its own, sent back.
                _ => client.wrap(b"second").unwrap(),
            };
            assert_eq!(client.unwrap(&wrong), Err(CHANGED), "{change}");
            assert_eq!(client.unwrap(&second), Err(CHANGED), "{change}");
            assert_eq!(client.unwrap(&third), Err(CHANGED), "{change}");
        }
    }
}

#[test]
fn each_bit_counts() {
    for place in 0.. {
        let mut was_there = false;
        for (mut client, mut server) in ends() {
            let mut wrapped = server.wrap(b"the message").unwrap();
            if let Some(byte) = wrapped.get_mut(place / 8) {
                *byte ^= 1 << (place % 8);
                was_there = true;
                assert_eq!(client.unwrap(&wrapped), Err(CHANGED), "bit {place}");
            }
        }
        if !was_there {
            return;
        }
    }
}

#[test]
fn numbers_are_not_used_twice() {
    for (mut client, mut server) in ends() {
        client.sending.next = Some(u32::MAX);
        server.receiving.next = Some(u32::MAX);
        let last = client.wrap(b"last").unwrap();
        assert_eq!(server.unwrap(&last), Ok(b"last".to_vec()));
        assert_eq!(client.wrap(b"one more"), Err(NO_NUMBER));
        assert_eq!(server.unwrap(&last), Err(CHANGED));
    }
}

#[test]
fn padding_is_its_own_count() {
    assert_eq!(unpadded(b"a\x01", 8), Some(&b"a"[..]));
    assert_eq!(unpadded(b"\x02\x02", 8), Some(&b""[..]));
    for wrong in [&b""[..], b"a\0", b"\x02", b"a\x01\x02", &[9; 16]] {
        assert_eq!(unpadded(wrong, 8), None, "{wrong:?}");
    }
}
