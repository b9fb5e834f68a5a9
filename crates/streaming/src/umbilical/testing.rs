//! Bytes in the notation of tests.

/// The bytes written as hexadecimal digits.
pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks_exact(2);
    assert!(digits.remainder().is_empty(), "two digits a byte");
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).unwrap();
        u8::from_str_radix(pair, 16).unwrap()
    };
    digits.map(byte).collect()
}
