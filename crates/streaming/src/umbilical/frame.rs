//! The frames of Hadoop's RPC, version 9: length-prefixed protobuf messages, behind the length of the whole frame.

use prost::Message;

/// The start of a connection: version 9, no class of service, SASL.
pub(super) const GREETING: [u8; 7] = [b'h', b'r', b'p', b'c', 9, 0, 0xdf];

/// The longest frame in bytes: far more than an answer, or the stack trace in a refusal.
pub(super) const LONGEST: usize = 1 << 20;

/// Call ids with a special meaning: a part of the authentication, and the user of the connection.
pub(super) const SASL: i32 = -33;
pub(super) const CONTEXT: i32 = -3;

/// How a request is encoded.
pub(super) const WRITABLE: i32 = 1;
pub(super) const PROTOBUF: i32 = 2;

/// The status of a call.
pub(super) const SUCCESS: i32 = 0;

/// `RpcRequestHeaderProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Request {
    #[prost(int32, optional, tag = "1")]
    pub(super) kind: Option<i32>,
    /// 0: the complete request.
    #[prost(int32, optional, tag = "2")]
    pub(super) operation: Option<i32>,
    #[prost(sint32, required, tag = "3")]
    pub(super) call: i32,
    #[prost(bytes = "vec", required, tag = "4")]
    pub(super) client: Vec<u8>,
    #[prost(sint32, optional, tag = "5")]
    pub(super) retry: Option<i32>,
}

impl Request {
    /// A request of this kind; only a real call has a client id.
    pub(super) fn new(kind: i32, call: i32, client: &[u8]) -> Self {
        Self {
            kind: Some(kind),
            operation: Some(0),
            call,
            client: client.to_owned(),
            retry: Some(if call < 0 { -1 } else { 0 }),
        }
    }
}

/// `RpcResponseHeaderProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Response {
    /// The id of the call, as an unsigned number.
    #[prost(uint32, required, tag = "1")]
    pub(super) call: u32,
    #[prost(int32, required, tag = "2")]
    pub(super) status: i32,
    #[prost(string, optional, tag = "4")]
    pub(super) exception: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(super) message: Option<String>,
}

/// `RpcSaslProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Sasl {
    #[prost(uint32, optional, tag = "1")]
    pub(super) version: Option<u32>,
    #[prost(enumeration = "State", required, tag = "2")]
    pub(super) state: i32,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub(super) token: Option<Vec<u8>>,
    #[prost(message, repeated, tag = "4")]
    pub(super) ways: Vec<Way>,
}

/// The step of the authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
pub(super) enum State {
    Success = 0,
    Negotiate = 1,
    Initiate = 2,
    Challenge = 3,
    Response = 4,
    /// A protected message, after the authentication.
    Wrap = 5,
}

/// `RpcSaslProto.SaslAuth`: an authentication method.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Way {
    #[prost(string, required, tag = "1")]
    pub(super) method: String,
    #[prost(string, required, tag = "2")]
    pub(super) mechanism: String,
    #[prost(string, optional, tag = "3")]
    pub(super) protocol: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(super) server: Option<String>,
    #[prost(bytes = "vec", optional, tag = "5")]
    pub(super) challenge: Option<Vec<u8>>,
}

/// `IpcConnectionContextProto`; the token identifies the user.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Context {
    #[prost(string, optional, tag = "3")]
    pub(super) protocol: Option<String>,
}

/// A frame with a request header and its body.
pub(super) fn frame(request: &Request, body: &[u8]) -> Vec<u8> {
    let header = request.encode_length_delimited_to_vec();
    let length = u32::try_from(header.len() + body.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), header.as_slice(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_begins_with_its_lengths() {
        let request = Request::new(PROTOBUF, SASL, &[]);
        let sasl = Sasl {
            state: State::Negotiate.into(),
            ..Sasl::default()
        };
        let sent = frame(&request, &sasl.encode_length_delimited_to_vec());
        // The same header as Hadoop's own client sends.
        let header = [8, 2, 16, 0, 24, 0x41, 0x22, 0, 0x28, 1];
        assert_eq!(sent[..5], [0, 0, 0, 14, 10]);
        assert_eq!(sent[5..15], header);
        assert_eq!(sent[15..], [2, 16, 1]);
    }
}
