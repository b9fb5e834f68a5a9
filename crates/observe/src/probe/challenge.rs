//! What a server says of itself when it wants to know who asks: the header `WWW-Authenticate` (RFC 9110, section
//! 11.6.1).

/// The longest header that is read, in bytes. A challenge is a few words; a token of SPNEGO some kilobytes.
const MOST: usize = 64 << 10;

/// Whether one of these headers has the challenge `Negotiate` (RFC 4559), alone or among others, with a token or
/// without.
pub(super) fn asks_for_ticket<'a>(headers: impl Iterator<Item = &'a [u8]>) -> bool {
    headers.into_iter().any(|header| {
        header.len() <= MOST && challenges(header).any(|it| it.eq_ignore_ascii_case(b"Negotiate"))
    })
}

/// The schemes of a header: the first word of each part between commas that stand in no quoted text. The parameters of
/// a challenge are parts too; their first word has a `=`, and is no scheme.
fn challenges(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = header.split(move |byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' => return !is_quoted,
            _ => {}
        }
        false
    });
    parts.filter_map(|part| part.trim_ascii().split(u8::is_ascii_whitespace).next())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn asks(headers: &[&[u8]]) -> bool {
        asks_for_ticket(headers.iter().copied())
    }

    #[test]
    fn a_ticket_is_asked_for_alone_or_among_others() {
        for headers in [
            &[&b"Negotiate"[..]][..],
            &[b"negotiate oYGFMIGCoAMKAQChCwYJ=="],
            &[b"Basic realm=\"a, b\"", b"NEGOTIATE"],
            &[b"Basic realm=\"a \\\", b\", charset=\"UTF-8\" ,\tNegotiate , Digest nonce=1"],
            &[b" , ,Negotiate"],
        ] {
            assert!(asks(headers), "{headers:?}");
        }
    }

    #[test]
    fn what_is_malformed_asks_for_nothing() {
        let long = [&b"Negotiate "[..], &vec![b'a'; MOST]].concat();
        for headers in [
            &[][..],
            &[&b""[..]],
            &[b",,,"],
            &[b"Negotiated"],
            &[b"Negotiate=1"],
            &[b"Basic realm=\"Negotiate"],
            // The quote does not end, so this stands in it.
            &[b"Basic realm=\"a, Negotiate"],
            &[b"Basic realm=\"a\\\", Negotiate"],
            &[b"\xff\xfe\0Negotiate", b"Bearer Negotiate"],
            &[&long],
        ] {
            assert!(!asks(headers), "{headers:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_and_a_challenge_behind_them_is_found(bytes in vec(any::<u8>(), 0..200)) {
            asks(&[&bytes]);
            // Two quotes end any quoted text, unless the first is escaped; the third ends what then begins.
            let whole = [&bytes[..], b"\"\", Negotiate"].concat();
            let other = [&bytes[..], b"\"\"\", Negotiate"].concat();
            prop_assert!(asks(&[&whole]) || asks(&[&other]));
        }
    }
}
