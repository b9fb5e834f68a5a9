//! The call `fatalError` of `TaskUmbilicalProtocol`, as `WritableRpcEngine` sends it.

use super::attempt::AttemptId;
use super::writable::put_utf8;

/// The interface that the call belongs to.
pub(super) const PROTOCOL: &str = "org.apache.hadoop.mapred.TaskUmbilicalProtocol";

/// The version of the RPC engine itself.
const ENGINE_VERSION: i64 = 2;

/// A version of the interface. Each application master knows only one, and refuses the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    number: i64,
    /// Whether the call has a flag for failing the whole task with its attempt.
    has_fast_fail: bool,
}

impl Version {
    /// The versions that have the call, newest first: Hadoop 3.3 and later; 3.0 to 3.2; 2.
    pub(super) const ALL: [Self; 3] = [
        Self {
            number: 21,
            has_fast_fail: true,
        },
        Self {
            number: 20,
            has_fast_fail: false,
        },
        Self {
            number: 19,
            has_fast_fail: false,
        },
    ];
}

/// Encodes that `attempt` has failed for `reason`, and is to be tried again.
pub(super) fn fatal_error(version: Version, attempt: &AttemptId, reason: &str) -> Vec<u8> {
    let mut out = ENGINE_VERSION.to_be_bytes().to_vec();
    put_utf8(&mut out, PROTOCOL);
    put_utf8(&mut out, "fatalError");
    out.extend(version.number.to_be_bytes());
    // A hash of the interface's methods, which no server checks.
    out.extend(0_i32.to_be_bytes());
    let parameters = if version.has_fast_fail { 3 } else { 2 };
    out.extend(i32::to_be_bytes(parameters));
    let class = "org.apache.hadoop.mapred.TaskAttemptID";
    // The declared class of the parameter, then its actual class.
    put_utf8(&mut out, class);
    put_utf8(&mut out, class);
    attempt.put(&mut out);
    put_utf8(&mut out, "java.lang.String");
    put_utf8(&mut out, reason);
    if version.has_fast_fail {
        put_utf8(&mut out, "boolean");
        out.push(0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::umbilical::testing::bytes;

    fn call(version: Version) -> Vec<u8> {
        let attempt = "attempt_1795260688574_0001_m_000002_0".parse().unwrap();
        fatal_error(version, &attempt, "heartline: why")
    }

    #[test]
    fn the_call_is_hadoops() {
        // Written by Hadoop 3.4.2, except the hash e780bc03, which is 0 here.
        let expected = "0000000000000002002e6f72672e6170616368652e6861646f6f702e6d61707265642e5461736b\
                        556d62696c6963616c50726f746f636f6c000a666174616c4572726f7200000000000000150000\
                        00000000000300266f72672e6170616368652e6861646f6f702e6d61707265642e5461736b4174\
                        74656d7074494400266f72672e6170616368652e6861646f6f702e6d61707265642e5461736b41\
                        7474656d707449440000000000000002000000010d31373935323630363838353734034d415000\
                        106a6176612e6c616e672e537472696e67000e68656172746c696e653a20776879000762\
                        6f6f6c65616e00";
        assert_eq!(call(Version::ALL[0]), bytes(expected));
    }

    #[test]
    fn older_masters_get_no_flag_for_the_whole_task() {
        let [newest, older, oldest] = Version::ALL.map(call);
        assert_eq!(older.len(), oldest.len());
        assert_eq!(newest.len(), older.len() + "..boolean.".len());
        assert!(older.ends_with(b"heartline: why"));
    }
}
