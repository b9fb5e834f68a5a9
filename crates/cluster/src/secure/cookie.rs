//! The cookie by which Hadoop's pages know a reader again whom they have asked for a ticket (`AuthenticationFilter`,
//! `Signer` and `AuthToken` of hadoop-auth). Its servers sign it by a secret that they share, so who has that can sign
//! one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::role::Role;

/// How long a cookie is valid, in milliseconds: one is signed for each question or two.
const LIFE_MS: i64 = 60_000;

/// `hadoop.auth="…"` for a user and its principal at the pages of a role, valid from now on.
pub(super) fn signed(secret: &[u8], user: &str, principal: &str, role: Role) -> String {
    let end = chrono::Utc::now().timestamp_millis() + LIFE_MS;
    signed_until(end, secret, user, principal, role)
}

fn signed_until(end: i64, secret: &[u8], user: &str, principal: &str, role: Role) -> String {
    // The ResourceManager's pages take delegation tokens too, and so have another type.
    let kind = match role {
        Role::Resourcemanager => "kerberos-dt",
        _ => "kerberos",
    };
    let text = format!("u={user}&p={principal}&t={kind}&e={end}");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    format!("hadoop.auth=\"{text}&s={signature}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A secret and the cookie that a `JournalNode` of Hadoop 3.4.2 has made by it.
    const SECRET: &str = "kzCXuJHe0SY2dXFTn//rJK1Ke679T0lHd5Bybuj9yfw=\n";
    const OF_HADOOP: &str = "hadoop.auth=\"u=root&p=root@EXPS.HEARTLINE&t=kerberos&e=1796105643136&s=Odn1w+X8eX7CNYKWdind/nP/mx1bz565aPe02JH7aAw=\"";

    #[test]
    fn a_cookie_is_signed_as_hadoop_signs_it() {
        let cookie = signed_until(
            1_796_105_643_136,
            SECRET.as_bytes(),
            "root",
            "root@EXPS.HEARTLINE",
            Role::Journalnode,
        );
        assert_eq!(cookie, OF_HADOOP);
    }
}
