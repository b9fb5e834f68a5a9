//! Signatures by `ssh` keys, in the form of `ssh-keygen -Y sign`: by ed25519, by ECDSA on the curves P-256 and P-384, and by
//! RSA (RFC 8332). Other keys sign nothing here: those on P-521, and RSA beyond 4096 bits.

use num_bigint::BigUint;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA512, RsaKeyPair, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use ssh_key::private::{EcdsaKeypair, KeypairData, RsaKeypair};
use ssh_key::public::{EcdsaPublicKey, KeyData, RsaPublicKey};
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, Mpint, PrivateKey, Signature, SshSig};

/// The purpose that a signature is bound to: a signature for another purpose is not valid here.
pub(super) const NAMESPACE: &str = "heartline-nodes";
/// The digest of the message in what is signed, as `ssh-keygen` has it.
pub(super) const DIGEST: HashAlg = HashAlg::Sha512;

/// A private key that can sign.
#[derive(Debug)]
pub(super) enum SshSigner {
    Ed25519(Box<PrivateKey>),
    Ecdsa(Box<EcdsaKeyPair>, KeyData),
    Rsa(Box<RsaKeyPair>, KeyData),
}

impl SshSigner {
    /// The key, if it is of a kind that can sign and has no passphrase.
    pub(super) fn of(key: PrivateKey) -> Option<Self> {
        let public = key.public_key().key_data().clone();
        match key.key_data() {
            KeypairData::Ed25519(_) => Some(Self::Ed25519(Box::new(key))),
            KeypairData::Ecdsa(pair) => Some(Self::Ecdsa(Box::new(ecdsa(pair)?), public)),
            KeypairData::Rsa(pair) => Some(Self::Rsa(Box::new(rsa(pair)?), public)),
            _ => None,
        }
    }

    /// Signs a message; `None` if the system has no random bytes.
    pub(super) fn sign(&self, message: &[u8]) -> Option<SshSig> {
        let (public, signature) = match self {
            Self::Ed25519(key) => return key.sign(NAMESPACE, DIGEST, message).ok(),
            Self::Ecdsa(pair, public) => {
                let signed = SshSig::signed_data(NAMESPACE, DIGEST, message).ok()?;
                let fixed = pair.sign(&SystemRandom::new(), &signed).ok()?;
                let (r, s) = fixed.as_ref().split_at(fixed.as_ref().len() / 2);
                let data = [number(r)?, number(s)?].concat();
                (public, Signature::new(public.algorithm(), data).ok()?)
            }
            Self::Rsa(pair, public) => {
                let signed = SshSig::signed_data(NAMESPACE, DIGEST, message).ok()?;
                let mut data = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA512, &SystemRandom::new(), &signed, &mut data)
                    .ok()?;
                let kind = Algorithm::Rsa {
                    hash: Some(HashAlg::Sha512),
                };
                (public, Signature::new(kind, data).ok()?)
            }
        };
        SshSig::new(public.clone(), NAMESPACE, DIGEST, signature).ok()
    }
}

/// Whether signatures of such a key can be verified here.
pub(super) fn is_verifiable(key: &KeyData) -> bool {
    match key {
        KeyData::Ed25519(_) | KeyData::Rsa(_) => true,
        KeyData::Ecdsa(key) => key.curve() != EcdsaCurve::NistP521,
        _ => false,
    }
}

/// Whether the owner of the key has signed this message.
pub(super) fn has_signed(key: &ssh_key::PublicKey, message: &[u8], signature: &SshSig) -> bool {
    let checked = match key.key_data() {
        KeyData::Ecdsa(of) => verify_ecdsa(of, message, signature),
        KeyData::Rsa(of) => verify_rsa(of, message, signature),
        _ => return key.verify(NAMESPACE, message, signature).is_ok(),
    };
    // Whose signature it says to be, and for what, must be so too.
    checked.is_some()
        && signature.public_key() == key.key_data()
        && signature.namespace() == NAMESPACE
}

fn verify_ecdsa(key: &EcdsaPublicKey, message: &[u8], signature: &SshSig) -> Option<()> {
    let (check, size) = match key.curve() {
        EcdsaCurve::NistP256 => (&ECDSA_P256_SHA256_FIXED, 32),
        EcdsaCurve::NistP384 => (&ECDSA_P384_SHA384_FIXED, 48),
        EcdsaCurve::NistP521 => return None,
    };
    (signature.algorithm() == key.algorithm()).then_some(())?;
    let (r, rest) = next_number(signature.signature_bytes())?;
    let (s, rest) = next_number(rest)?;
    rest.is_empty().then_some(())?;
    let fixed = [padded(&r, size)?, padded(&s, size)?].concat();
    let signed = SshSig::signed_data(NAMESPACE, signature.hash_alg(), message).ok()?;
    let key = UnparsedPublicKey::new(check, key.as_sec1_bytes());
    key.verify(&signed, &fixed).ok()
}

fn verify_rsa(key: &RsaPublicKey, message: &[u8], signature: &SshSig) -> Option<()> {
    let check = match signature.algorithm() {
        Algorithm::Rsa {
            hash: Some(HashAlg::Sha256),
        } => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rsa {
            hash: Some(HashAlg::Sha512),
        } => &RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    };
    let signed = SshSig::signed_data(NAMESPACE, signature.hash_alg(), message).ok()?;
    let key = RsaPublicKeyComponents {
        n: key.n.as_positive_bytes()?,
        e: key.e.as_positive_bytes()?,
    };
    let bytes = signature.signature_bytes();
    key.verify(check, &signed, bytes).ok()
}

fn ecdsa(pair: &EcdsaKeypair) -> Option<EcdsaKeyPair> {
    let kind = match pair.curve() {
        EcdsaCurve::NistP256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
        EcdsaCurve::NistP384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        EcdsaCurve::NistP521 => return None,
    };
    EcdsaKeyPair::from_private_key_and_public_key(
        kind,
        pair.private_key_bytes(),
        pair.public_key_bytes(),
        &SystemRandom::new(),
    )
    .ok()
}

fn rsa(pair: &RsaKeypair) -> Option<RsaKeyPair> {
    let bytes = |number: &Mpint| number.as_positive_bytes().map(<[u8]>::to_vec);
    let private = &pair.private;
    let [d, p, q] = [&private.d, &private.p, &private.q].map(bytes);
    let (d, p, q) = (d?, p?, q?);
    // OpenSSH's files leave these two out.
    let exponent = |prime: &[u8]| {
        let [d, prime] = [&d, prime].map(BigUint::from_bytes_be);
        let one = BigUint::from(1_u8);
        // A prime is at least 2; a key with anything else is none, and must not divide by zero.
        (prime > one).then(|| (d % (prime - one)).to_bytes_be())
    };
    RsaKeyPair::from_components(&KeyPairComponents {
        public_key: PublicKeyComponents {
            n: bytes(&pair.public.n)?,
            e: bytes(&pair.public.e)?,
        },
        dP: exponent(&p)?,
        dQ: exponent(&q)?,
        qInv: bytes(&private.iqmp)?,
        d,
        p,
        q,
    })
    .ok()
}

/// A number as it stands in a signature (RFC 4251, `mpint`): its length in 4 bytes, and its bytes.
fn number(bytes: &[u8]) -> Option<Vec<u8>> {
    let number = Mpint::from_positive_bytes(bytes).ok()?;
    let length = u32::try_from(number.as_bytes().len()).ok()?;
    Some([&length.to_be_bytes(), number.as_bytes()].concat())
}

/// The next such number, without leading zeros, and what comes after it.
fn next_number(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (number, rest) = rest.split_at_checked(length)?;
    let number = Mpint::from_bytes(number).ok()?;
    Some((number.as_positive_bytes()?.to_vec(), rest))
}

/// The number in this many bytes; `None` if it has more.
fn padded(number: &[u8], size: usize) -> Option<Vec<u8>> {
    let zeros = size.checked_sub(number.len())?;
    Some([&vec![0; zeros], number].concat())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use ssh_key::LineEnding;
    use tempfile::TempDir;

    use super::*;
    use crate::left_out::{self, leave_out};

    const KINDS: [(&str, &str); 5] = [
        ("ed25519", "256"),
        ("ecdsa", "256"),
        ("ecdsa", "384"),
        ("rsa", "2048"),
        ("rsa", "3072"),
    ];

    /// Runs ssh-keygen in this folder; `Err` if there is none.
    fn keygen(folder: &TempDir, words: &[&str]) -> Result<bool, String> {
        let mut command = Command::new("ssh-keygen");
        let output = command.args(words).current_dir(folder.path()).output();
        let output = output.map_err(|why| format!("ssh-keygen cannot be run: {why}"))?;
        Ok(output.status.success())
    }

    fn make(folder: &TempDir, (kind, bits): (&str, &str)) -> Result<PrivateKey, String> {
        let name = format!("{kind}{bits}");
        let words = ["-q", "-t", kind, "-b", bits, "-N", "", "-f", &name];
        let path = folder.path().join(&name);
        // The crate ssh-key reads no ECDSA key whose number has a byte less than usual: one of four of P-521, one of 512 of
        // the others.
        for _ in 0..30 {
            assert!(keygen(folder, &words)?, "{words:?}");
            match PrivateKey::read_openssh_file(&path) {
                Err(_) if kind == "ecdsa" => fs::remove_file(&path).expect("removed"),
                read => return Ok(read.expect("a key")),
            }
        }
        panic!("none of 30 keys can be read: {words:?}");
    }

    #[test]
    fn what_a_key_has_signed_is_its_own_for_this_message_alone() {
        for kind in KINDS {
            let [key, other] = match [(), ()].map(|()| {
                let own = tempfile::tempdir().expect("a folder");
                make(&own, kind)
            }) {
                [Ok(key), Ok(other)] => [key, other],
                [Err(why), _] | [_, Err(why)] => leave_out!("{why}"),
            };
            let public = key.public_key().clone();
            let signer = SshSigner::of(key).expect("it can sign");
            let signature = signer.sign(b"this").expect("random bytes");
            assert!(has_signed(&public, b"this", &signature), "{kind:?}");
            assert!(!has_signed(&public, b"that", &signature), "{kind:?}");
            assert!(
                !has_signed(other.public_key(), b"this", &signature),
                "{kind:?}"
            );
            // Said to be the other one's.
            let bytes = signature.signature().clone();
            let forged = SshSig::new(other.public_key().into(), NAMESPACE, DIGEST, bytes.clone());
            let forged = forged.expect("a signature");
            assert!(
                !has_signed(other.public_key(), b"this", &forged),
                "{kind:?}"
            );
            let elsewhere = SshSig::new(public.key_data().clone(), "file", DIGEST, bytes);
            let elsewhere = elsewhere.expect("a signature");
            assert!(!has_signed(&public, b"this", &elsewhere), "{kind:?}");
        }
    }

    #[test]
    fn ssh_keygen_accepts_them_and_its_own_are_accepted() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("message"), "this").expect("written");
        for (kind, bits) in KINDS {
            let key = match make(&folder, (kind, bits)) {
                Ok(key) => key,
                Err(why) => leave_out!("{why}"),
            };
            let public = key.public_key().clone();
            let name = format!("{kind}{bits}");
            let line = format!("n1 {}\n", public.to_openssh().expect("a line"));
            fs::write(at("allowed"), line).expect("written");
            let words = ["-Y", "sign", "-q", "-n", NAMESPACE, "-f", &name, "message"];
            assert_eq!(keygen(&folder, &words), Ok(true), "{name}");
            let theirs = fs::read(at("message.sig")).expect("signed");
            let theirs = SshSig::from_pem(theirs).expect("a signature");
            assert!(has_signed(&public, b"this", &theirs), "{name}");
            fs::remove_file(at("message.sig")).expect("there");

            let ours = SshSigner::of(key).and_then(|signer| signer.sign(b"this"));
            let ours = ours.and_then(|ours| ours.to_pem(LineEnding::LF).ok());
            fs::write(at("ours"), ours.expect("signed")).expect("written");
            assert!(is_accepted(folder.path(), "message"), "{name}");
            fs::write(at("that"), "that").expect("written");
            assert!(!is_accepted(folder.path(), "that"), "{name}");
        }
    }

    /// Whether ssh-keygen accepts our signature of this file.
    fn is_accepted(folder: &Path, file: &str) -> bool {
        let file = fs::File::open(folder.join(file)).expect("there");
        let mut command = Command::new("ssh-keygen");
        command.args([
            "-Y", "verify", "-f", "allowed", "-I", "n1", "-n", NAMESPACE, "-s", "ours",
        ]);
        let output = command.current_dir(folder).stdin(file).output();
        output.expect("it ran before").status.success()
    }

    #[test]
    fn a_key_that_cannot_sign_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        match make(&folder, ("ecdsa", "521")) {
            Ok(key) => assert!(SshSigner::of(key).is_none()),
            Err(why) => leave_out!("{why}"),
        }
    }
}
