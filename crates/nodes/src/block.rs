//! A block of lines between two marker lines in a file that also holds other content. Pure: text in, text out. The rest
//! of the file stays byte for byte as it is, also after the block is removed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use thiserror::Error;

use super::message::Entries;
use super::rejection::quoted;

const BEGIN: &[u8] = b"# BEGIN heartline nodes (made by heartline; changes are lost)";
/// The begin marker for a block after a line that had no line end before the block was added.
const BEGIN_AFTER_OPEN_LINE: &[u8] =
    b"# BEGIN heartline nodes (made by heartline; changes are lost; the line before has no end)";
const END: &[u8] = b"# END heartline nodes";

/// The markers do not form a pair: the block's extent is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "line {line}: {what}; nothing was written: remove what is left of the block by hand, with its marker lines"
)]
pub struct Damaged {
    line: usize,
    what: &'static str,
}

/// The block's lines for `/etc/hosts`.
pub fn hosts(entries: &Entries) -> String {
    let mut lines = String::new();
    for (ip, name) in &entries.hosts {
        let _ = writeln!(lines, "{ip}\t{name}");
    }
    lines
}

/// The block's lines for `authorized_keys`, with each node's name as the comment.
pub fn keys(entries: &Entries) -> String {
    let mut lines = String::new();
    for (name, key) in &entries.keys {
        let _ = writeln!(lines, "{key} {name}");
    }
    lines
}

/// The block's lines for `known_hosts`, by name and address; `None` if no node has told its host key.
pub fn known_hosts(entries: &Entries) -> Option<String> {
    let addresses: BTreeMap<_, _> = entries.hosts.iter().map(|(ip, name)| (name, ip)).collect();
    let mut lines = String::new();
    for (name, key) in &entries.host_keys {
        // A node without an address cannot be reached by its name.
        if let Some(ip) = addresses.get(name) {
            let _ = writeln!(lines, "{name},{ip} {key}");
        }
    }
    (!lines.is_empty()).then_some(lines)
}

/// The lines of `/etc/hosts` outside the block that give names of the block another address: a lookup returns the
/// address of the first line, or those of all lines.
pub fn others(file: &[u8], entries: &Entries) -> Result<Vec<String>, Damaged> {
    let (before, after) = match find(file)? {
        Some(found) => (&file[..found.begin], &file[found.end..]),
        None => (file, &[][..]),
    };
    let mut known: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for (ip, name) in &entries.hosts {
        known.entry(name.to_string()).or_default().push(*ip);
    }
    let mut others = Vec::new();
    let lines = [before, after].map(|part| part.split(|byte| *byte == b'\n'));
    for line in lines.into_iter().flatten() {
        let line = String::from_utf8_lossy(line);
        let said = line.split_once('#').map_or(&*line, |(said, _)| said);
        let mut words = said.split_ascii_whitespace();
        let Some(Ok(ip)) = words.next().map(str::parse::<IpAddr>) else {
            continue;
        };
        for name in words.map(str::to_ascii_lowercase) {
            if let Some(right) = known.get(&name)
                && !right.contains(&ip)
            {
                let line = quoted(line.trim());
                others.push(format!(
                    "{name} is {} in the block, but {ip} in the line {line}, which may win: remove the name there",
                    right[0]
                ));
            }
        }
    }
    Ok(others)
}

/// The file with `lines` in its block, or without a block if `lines` is `None`; `None` if the file is already right.
pub fn with_block(file: &[u8], lines: Option<&str>) -> Result<Option<Vec<u8>>, Damaged> {
    let found = find(file)?;
    let Some(lines) = lines else {
        return Ok(found.map(|found| {
            let before = &file[..found.begin];
            let before = if found.after_open_line {
                before.strip_suffix(b"\n").unwrap_or(before)
            } else {
                before
            };
            [before, &file[found.end..]].concat()
        }));
    };
    let (begin, end, after_open_line) = if let Some(found) = &found {
        (found.begin, found.end, found.after_open_line)
    } else {
        let is_open = file.last().is_some_and(|last| *last != b'\n');
        (file.len(), file.len(), is_open)
    };
    let marker = if after_open_line {
        BEGIN_AFTER_OPEN_LINE
    } else {
        BEGIN
    };
    let gap: &[u8] = if found.is_none() && after_open_line {
        b"\n"
    } else {
        b""
    };
    let parts: [&[u8]; 8] = [
        &file[..begin],
        gap,
        marker,
        b"\n",
        lines.as_bytes(),
        END,
        b"\n",
        &file[end..],
    ];
    let made = parts.concat();
    Ok((made != file).then_some(made))
}

struct Found {
    begin: usize,
    /// The offset after the last marker's line.
    end: usize,
    after_open_line: bool,
}

fn find(file: &[u8]) -> Result<Option<Found>, Damaged> {
    let mut begin = None;
    let mut found = None;
    let mut at = 0;
    for (index, whole) in file.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let damaged = |what| {
            Err(Damaged {
                line: index + 1,
                what,
            })
        };
        let line = whole.trim_ascii_end();
        if line == BEGIN || line == BEGIN_AFTER_OPEN_LINE {
            if begin.is_some() || found.is_some() {
                return damaged("the block of heartline nodes begins a second time");
            }
            begin = Some((at, index + 1, line == BEGIN_AFTER_OPEN_LINE));
        } else if line == END {
            let Some((begin, _, after_open_line)) = begin.take() else {
                return damaged("the block of heartline nodes ends without a begin marker");
            };
            found = Some(Found {
                begin,
                end: at + whole.len(),
                after_open_line,
            });
        }
        at += whole.len();
    }
    match begin {
        Some((_, line, _)) => Err(Damaged {
            line,
            what: "the block of heartline nodes has no end marker",
        }),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn put(file: &[u8], lines: Option<&str>) -> Option<Vec<u8>> {
        with_block(file, lines).expect("no damage")
    }

    #[test]
    fn a_block_comes_changes_and_goes() {
        let file = b"127.0.0.1 localhost\n";
        let one = put(file, Some("10.0.0.1\tn1\n")).expect("it is new");
        assert!(one.starts_with(file) && one.ends_with(b"\n10.0.0.1\tn1\n# END heartline nodes\n"));
        assert_eq!(put(&one, Some("10.0.0.1\tn1\n")), None, "it is so already");
        let more = [&one[..], b"10.9.9.9 other\n"].concat();
        let two = put(&more, Some("10.0.0.2\tn2\n")).expect("it changes");
        assert!(two.ends_with(b"# END heartline nodes\n10.9.9.9 other\n"));
        let gone = put(&two, None).expect("it goes");
        assert_eq!(gone, [&file[..], b"10.9.9.9 other\n"].concat());
        assert_eq!(put(file, None), None);
    }

    #[test]
    fn hosts_are_known_by_name_and_address() {
        let key =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
        let name = |name: &str| name.parse().expect("a name");
        let mut entries = Entries {
            hosts: vec![("fd00::1".parse().expect("an address"), name("n1.a.b"))],
            ..Entries::default()
        };
        assert_eq!(known_hosts(&entries), None);
        // The second one's address belongs to another node now.
        entries.host_keys = ["n1.a.b", "n2"]
            .map(|of| (name(of), key.parse().expect("a key")))
            .into();
        assert_eq!(
            known_hosts(&entries),
            Some(format!("n1.a.b,fd00::1 {key}\n"))
        );
    }

    #[test]
    fn damaged_blocks_are_not_guessed() {
        let whole = put(b"a\n", Some("b\n")).expect("it is new");
        let text = String::from_utf8(whole).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        for wrong in [
            vec![lines[0], lines[1], lines[2]],
            vec![lines[0], lines[2], lines[3]],
            vec![lines[3], lines[1]],
            vec![lines[1], lines[1], lines[3]],
            vec![lines[1], lines[3], lines[1], lines[3]],
        ] {
            let wrong = wrong.join("\n");
            for lines in [None, Some("c\n")] {
                assert!(with_block(wrong.as_bytes(), lines).is_err(), "{wrong}");
            }
        }
    }

    #[test]
    fn what_others_say_of_the_blocks_names_is_found() {
        let pair = |ip: &str, name: &str| {
            let name = name.parse().expect("a name");
            (ip.parse().expect("an address"), name)
        };
        let entries = Entries {
            hosts: vec![pair("10.0.0.1", "n1.a.b"), pair("10.0.0.2", "n2")],
            ..Entries::default()
        };
        let conflicts = |file: &str| others(file.as_bytes(), &entries).expect("no damage");
        for silent in [
            "",
            "127.0.0.1 localhost\n::1 localhost\n10.0.0.1 n1.a.b\n10.0.0.9 n1 n11.a.b",
            "# 127.0.1.1 n2\n127.0.0.1 localhost # n2\nn2 n2\n10.0.0.2\tn2",
        ] {
            assert_eq!(conflicts(silent), [""; 0], "{silent}");
        }
        let debian = "127.0.0.1 localhost\n127.0.1.1\tN1.a.b n1\n";
        let said =
            "n1.a.b is 10.0.0.1 in the block, but 127.0.1.1 in the line '127.0.1.1\\tN1.a.b n1'";
        assert!(
            conflicts(debian)[0].starts_with(said),
            "{:?}",
            conflicts(debian)
        );
        // The block itself is correct wherever it stands, and the lines after it count too.
        let block = put(debian.as_bytes(), Some(&hosts(&entries))).expect("it is new");
        let file = String::from_utf8(block).expect("text") + "::1 n2";
        let found = conflicts(&file);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[1].starts_with("n2 is 10.0.0.2 in the block, but ::1 in"));
        assert!(others(END, &entries).is_err());
    }

    proptest! {
        #[test]
        fn whatever_the_file_holds_it_is_there_again_afterwards(
            before in prop::collection::vec(any::<u8>(), 0..200),
            first in "([a-z0-9. ]{0,20}\n){0,4}",
            second in "([a-z0-9. ]{0,20}\n){0,4}",
            after in "([a-z#\n]{0,20}\n)?",
        ) {
            let one = put(&before, Some(&first)).expect("it is new");
            prop_assert!(one.starts_with(&before));
            let one = [&one[..], after.as_bytes()].concat();
            let two = put(&one, Some(&second)).unwrap_or(one);
            prop_assert_eq!(put(&two, Some(&second)), None);
            let gone = put(&two, None).expect("it was there");
            prop_assert_eq!(gone, [&before[..], after.as_bytes()].concat());
        }

        #[test]
        fn markers_anywhere_do_no_harm(
            pieces in prop::collection::vec(prop::sample::select(vec![
                BEGIN, BEGIN_AFTER_OPEN_LINE, END, b"\n", b"\n", b"\r\n", b"x", b"# BEGIN heartline nodes",
            ]), 0..12),
        ) {
            let file = pieces.concat();
            if let Ok(Some(made)) = with_block(&file, Some("l\n")) {
                prop_assert_eq!(with_block(&made, Some("l\n")), Ok(None));
            }
        }
    }
}
