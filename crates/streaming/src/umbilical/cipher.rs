//! The ciphers of DIGEST-MD5's privacy (RFC 2831, section 2.4): those of 128 bits and less are what the standard has.
//! Each direction is one stream: a message continues where the one before ended.

use cbc::cipher::generic_array::GenericArray;
use cbc::cipher::{BlockDecryptMut, BlockEncryptMut, KeyInit, KeyIvInit, StreamCipher};
use des::TdesEde2;
use rc4::Rc4;
use rc4::consts::U16;

/// The block of 3DES in bytes.
const BLOCK: usize = 8;

/// A cipher that heartline knows. The standard's others have keys of 40 or 56 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CipherKind {
    /// 3DES with two keys, CBC.
    TripleDes,
    /// RC4 with 128 bits.
    Rc4,
}

impl CipherKind {
    /// Strongest first: RC4 is broken by what its first bytes tell.
    pub(super) const ALL: [Self; 2] = [Self::TripleDes, Self::Rc4];

    /// Its name in a challenge.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TripleDes => "3des",
            Self::Rc4 => "rc4",
        }
    }

    /// The length to which a message is padded; `None`: it is not padded.
    pub(super) fn block(self) -> Option<usize> {
        (self == Self::TripleDes).then_some(BLOCK)
    }
}

/// One direction's cipher, at its place in the stream.
pub(super) enum Cipher {
    Encrypting(cbc::Encryptor<TdesEde2>),
    Decrypting(cbc::Decryptor<TdesEde2>),
    /// The same in both directions.
    Rc4(Box<Rc4<U16>>),
}

impl Cipher {
    pub(super) fn encrypting(kind: CipherKind, key: &[u8; 16]) -> Self {
        match kind {
            CipherKind::TripleDes => {
                let (keys, iv) = triple(key);
                Self::Encrypting(cbc::Encryptor::new(&keys.into(), &iv.into()))
            }
            CipherKind::Rc4 => Self::rc4(key),
        }
    }

    pub(super) fn decrypting(kind: CipherKind, key: &[u8; 16]) -> Self {
        match kind {
            CipherKind::TripleDes => {
                let (keys, iv) = triple(key);
                Self::Decrypting(cbc::Decryptor::new(&keys.into(), &iv.into()))
            }
            CipherKind::Rc4 => Self::rc4(key),
        }
    }

    fn rc4(key: &[u8; 16]) -> Self {
        Self::Rc4(Box::new(Rc4::new(GenericArray::from_slice(key))))
    }

    /// Encrypts or decrypts the next bytes in their place; `None` if these are no whole blocks.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) -> Option<()> {
        match self {
            Self::Rc4(cipher) => cipher.try_apply_keystream(bytes).ok(),
            Self::Encrypting(cipher) => {
                let (blocks, rest) = bytes.as_chunks_mut::<BLOCK>();
                rest.is_empty().then_some(())?;
                for block in blocks {
                    cipher.encrypt_block_mut(block.into());
                }
                Some(())
            }
            Self::Decrypting(cipher) => {
                let (blocks, rest) = bytes.as_chunks_mut::<BLOCK>();
                rest.is_empty().then_some(())?;
                for block in blocks {
                    cipher.decrypt_block_mut(block.into());
                }
                Some(())
            }
        }
    }
}

/// The two keys of 3DES and the first block, from a key of 16 bytes: twice 7 bytes become 8, and the last 8 are the
/// block.
fn triple(key: &[u8; 16]) -> ([u8; 16], [u8; BLOCK]) {
    let mut keys = [0; 16];
    for (half, part) in keys.chunks_exact_mut(8).zip(key.chunks_exact(7)) {
        let mut bits = [0; 8];
        bits[1..].copy_from_slice(part);
        let bits = u64::from_be_bytes(bits);
        for (place, byte) in (0..8_u32).rev().zip(half) {
            // Seven bits in the upper ones of each byte; DES passes over the lowest, the parity.
            *byte = ((bits >> (7 * place)) << 1).to_be_bytes()[7] & 0xfe;
        }
    }
    let mut block = [0; BLOCK];
    block.copy_from_slice(&key[8..]);
    (keys, block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_bytes_become_eight_with_seven_bits_each() {
        let mut key = [0xff; 16];
        key[7..14].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 1]);
        let (keys, _) = triple(&key);
        assert_eq!(keys[..8], [0xfe; 8]);
        assert_eq!(keys[8..], [0x80, 0, 0, 0, 0, 0, 0, 2]);
    }

    #[test]
    fn what_is_encrypted_in_pieces_is_decrypted_in_others() {
        for kind in CipherKind::ALL {
            let key = *b"sixteen bytes of";
            let text = [7; 64];
            let mut bytes = text;
            let mut one_end = Cipher::encrypting(kind, &key);
            for piece in bytes.chunks_mut(16) {
                one_end.apply(piece).unwrap();
            }
            assert!(bytes.chunks(16).all(|piece| piece != [7; 16]), "{kind:?}");
            let mut other_end = Cipher::decrypting(kind, &key);
            other_end.apply(&mut bytes[..24]).unwrap();
            other_end.apply(&mut bytes[24..]).unwrap();
            assert_eq!(bytes, text, "{kind:?}");
        }
        let mut other_end = Cipher::decrypting(CipherKind::TripleDes, &[1; 16]);
        assert_eq!(other_end.apply(&mut [0; 9]), None);
    }
}
