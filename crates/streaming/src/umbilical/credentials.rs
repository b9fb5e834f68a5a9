//! The file in which Hadoop passes a task its tokens, in both of its formats.

use std::fmt::{self, Debug};

use prost::Message;

use super::writable::{Taker, put_text};

const MAGIC: &[u8] = b"HDTS";

/// The kind of a job's own token.
const JOB: &[u8] = b"mapreduce.job";

/// Proves to an application master that its holder belongs to something.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// What the holder belongs to: for a job's token the job's id.
    pub(super) identifier: Vec<u8>,
    /// The secret.
    pub(super) password: Vec<u8>,
    kind: Vec<u8>,
}

impl Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secret is never shown.
        let kind = String::from_utf8_lossy(&self.kind);
        formatter.debug_tuple("Token").field(&kind).finish()
    }
}

impl Token {
    /// Whether this is the token of the job with this id, which the identifier of a job's token contains.
    pub(super) fn is_of_job(&self, job: &str) -> bool {
        let mut identifier = Vec::new();
        put_text(&mut identifier, job);
        self.kind == JOB && self.identifier == identifier
    }
}

/// The tokens in such a file; `None` if it has another format.
pub(super) fn tokens(bytes: &[u8]) -> Option<Vec<Token>> {
    let (version, rest) = bytes.strip_prefix(MAGIC)?.split_first()?;
    match version {
        0 => from_writable(Taker(rest)),
        1 => from_protobuf(rest),
        _ => None,
    }
}

fn from_writable(mut taker: Taker) -> Option<Vec<Token>> {
    let count = taker.number()?;
    let token = |_| {
        let _alias = taker.counted()?;
        let token = Token {
            identifier: taker.counted()?.to_owned(),
            password: taker.counted()?.to_owned(),
            kind: taker.counted()?.to_owned(),
        };
        let _service = taker.counted()?;
        Some(token)
    };
    (0..count).map(token).collect()
}

fn from_protobuf(bytes: &[u8]) -> Option<Vec<Token>> {
    let file = Credentials::decode_length_delimited(bytes).ok()?;
    let tokens = file.tokens.into_iter().filter_map(|entry| entry.token);
    let token = |token: TokenForm| Token {
        identifier: token.identifier,
        password: token.password,
        kind: token.kind.into_bytes(),
    };
    Some(tokens.map(token).collect())
}

/// `CredentialsProto`; its secrets are not needed here.
#[derive(Clone, PartialEq, Message)]
struct Credentials {
    #[prost(message, repeated, tag = "1")]
    tokens: Vec<Entry>,
}

/// `CredentialsKVProto`
#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(message, optional, tag = "2")]
    token: Option<TokenForm>,
}

/// `TokenProto`
#[derive(Clone, PartialEq, Message)]
struct TokenForm {
    #[prost(bytes = "vec", required, tag = "1")]
    identifier: Vec<u8>,
    #[prost(bytes = "vec", required, tag = "2")]
    password: Vec<u8>,
    #[prost(string, required, tag = "3")]
    kind: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::umbilical::testing::bytes;

    /// Both files hold the same, written by Hadoop 3.4.2: a token for HDFS with an identifier of 200 bytes, the job's
    /// own, and a secret.
    fn files() -> [Vec<u8>; 2] {
        let long = "07".repeat(200);
        let writable = format!(
            "484454530002084a6f62546f6b656e17166a6f625f313739353236303638383537345f303030311400\
             0d1a2734414e5b6875828f9ca9b6c3d0ddeaf70d6d61707265647563652e6a6f62166a6f625f313739\
             353236303638383537345f303030310e3132372e302e302e313a383032308fc8{long}030102031548\
             4446535f44454c45474154494f4e5f544f4b454e0e3132372e302e302e313a3830323001154d617052\
             656475636553687566666c65546f6b656e03090807"
        );
        let protobuf = format!(
            "48445453018f030a620a084a6f62546f6b656e12560a17166a6f625f31373935323630363838353734\
             5f303030311214000d1a2734414e5b6875828f9ca9b6c3d0ddeaf71a0d6d61707265647563652e6a6f\
             6222166a6f625f313739353236303638383537345f303030310a8a020a0e3132372e302e302e313a38\
             30323012f7010ac801{long}12030102031a15484446535f44454c45474154494f4e5f544f4b454e22\
             0e3132372e302e302e313a38303230121c0a154d617052656475636553687566666c65546f6b656e1a\
             03090807"
        );
        [bytes(&writable), bytes(&protobuf)]
    }

    #[test]
    fn the_jobs_token_is_found_in_both_forms() {
        for file in files() {
            let found = tokens(&file).unwrap();
            assert_eq!(found.len(), 2);
            let is_own = |token: &&Token| token.is_of_job("job_1795260688574_0001");
            let own: Vec<_> = found.iter().filter(is_own).collect();
            let [own] = own[..] else {
                panic!("one of them is the job's: {found:?}")
            };
            assert_eq!(own.identifier, b"\x16job_1795260688574_0001");
            let password: Vec<u8> = (0..20_u8).map(|number| number.wrapping_mul(13)).collect();
            assert_eq!(own.password, password);
        }
    }

    #[test]
    fn the_token_of_another_job_is_not_ours() {
        for file in files() {
            let found = tokens(&file).unwrap();
            let mut jobs = found.iter().filter(|token| token.kind == JOB);
            assert!(!jobs.any(|token| token.is_of_job("job_1795260688574_0002")));
        }
    }

    #[test]
    fn a_broken_file_is_none() {
        assert_eq!(tokens(b""), None);
        assert_eq!(tokens(b"HDTS"), None);
        assert_eq!(tokens(b"HDTS\x02\x00"), None);
        assert_eq!(tokens(b"<xml/>"), None);
        // Claims more tokens than there are bytes for.
        assert_eq!(tokens(b"HDTS\x00\x8c\x7f\xff\xff\xff"), None);
        for file in files() {
            for end in 0..300 {
                assert_eq!(tokens(&file[..end]), None, "cut at {end}");
            }
        }
    }

    #[test]
    fn a_token_keeps_its_secret() {
        let shown = format!("{:?}", tokens(&files()[0]).unwrap());
        assert!(shown.contains("mapreduce.job"), "{shown}");
        assert!(!shown.contains("password"), "{shown}");
    }
}
