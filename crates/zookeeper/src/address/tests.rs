use super::*;

fn parse(text: &str) -> Result<String, String> {
    text.parse::<Address>().map(|address| address.to_string())
}

#[test]
fn hosts_ports_and_chroot_are_parsed_apart() {
    assert_eq!(parse("zk1").unwrap(), "zk1:2181");
    assert_eq!(
        parse("zk1:2182,zk2/jobs/a").unwrap(),
        "zk1:2182,zk2:2181/jobs/a"
    );
    assert_eq!(
        parse("[::1]:2182,[fe80::1]").unwrap(),
        "[::1]:2182,[fe80::1]:2181"
    );
    assert_eq!(parse("zk1/").unwrap(), "zk1:2181");
}

#[test]
fn lists_are_taken_as_other_clients_take_them() {
    for text in [
        "zk1:2181, zk2:2181",
        " zk1:2181,zk2:2181 ",
        "zk1:2181 ,\tzk2:2181\n",
        "zk1, zk2,",
        "zk1,zk2 , ",
    ] {
        assert_eq!(parse(text).as_deref(), Ok("zk1:2181,zk2:2181"), "{text}");
    }
    assert_eq!(parse("zk1, zk2 /jobs ").unwrap(), "zk1:2181,zk2:2181/jobs");
    assert_eq!(parse("zk1,zk2,/jobs").unwrap(), "zk1:2181,zk2:2181/jobs");
    assert_eq!(
        parse("ZK1.Example.COM:02181").unwrap(),
        "ZK1.Example.COM:2181"
    );
}

#[test]
fn ipv6_is_printed_as_it_is_typed() {
    for text in ["[::1]:2181", "[fe80::1%eth0]:2182", "[2001:DB8::1]:1/a"] {
        assert_eq!(parse(text).as_deref(), Ok(text));
        let address: Address = text.parse().unwrap();
        assert!(text.starts_with(&address.hosts()), "{}", address.hosts());
    }
    assert_eq!(parse("[FE80::1%eth0.7]").unwrap(), "[FE80::1%eth0.7]:2181");
    for without in ["::1", "::1:2181", "fe80::1%eth0"] {
        let reason = parse(without).unwrap_err();
        assert!(reason.contains("brackets"), "{without}: {reason}");
        assert!(reason.contains("[::1]:2181"), "{without}: {reason}");
    }
}

#[test]
fn what_is_no_address_is_refused_with_what_to_write() {
    for wrong in [
        "", " ", ",", "a,,b", ",a", "a:", "a:0", "a:70000", "a:+1", "a:-1", "a:x", "a:1:2", ":1",
        "[::1", "[x]:1", "[]:1", "[::1%]:1", "[::1]x", "[::1]:", "[a", "a b:1", "a%eth0", "/x",
        "a@b:1", "zk://a", "a;b",
    ] {
        let reason = parse(wrong).unwrap_err();
        assert!(reason.contains("HOST:PORT"), "{wrong}: {reason}");
    }
    assert!(parse("a:1/x/").unwrap_err().contains("chroot"));
}

#[test]
fn what_is_wrong_is_named() {
    for (wrong, named) in [
        (
            "zk://zk1:2181/jobs",
            "'zk://' is not part of a ZooKeeper address",
        ),
        (
            " http://zk1:2181/jobs",
            "'http://' is not part of a ZooKeeper address",
        ),
        ("zk1:2181,tcp+tls://zk2:2181", "'tcp+tls://' is not part of"),
        ("zk1:2181;zk2:2181", "';' cannot separate servers; write"),
        ("zk1; zk2", "';' cannot separate servers"),
        ("zk1|zk2", "'|' cannot separate servers"),
        ("zk1:2181 zk2:2181", "'zk1:2181 zk2:2181' contains a blank"),
        ("zk1 :2181", "'zk1 :2181' contains a blank"),
        ("zk1:2181:2181", "'zk1:2181:2181' has more than one port"),
        ("zk1:65536", "'65536' is not a port from 1 to 65535"),
        ("zk1:0", "'0' is not a port from 1 to 65535"),
        ("zk1:", "'zk1:' has no port after its colon"),
        (":2181", "':2181' does not begin with a host name"),
        ("zk1,,zk2", "a host is empty"),
        ("zk1:2181/a,zk2:2181/a", "followed by another host"),
        ("zk1:2181/a, zk2:2181", "followed by another host"),
    ] {
        let reason = parse(wrong).unwrap_err();
        assert!(reason.contains(named), "{wrong}: {reason}");
    }
    // A comma may be part of a znode's name.
    assert_eq!(parse("zk1/a,b").unwrap(), "zk1:2181/a,b");
}

#[test]
fn a_host_has_neither_port_nor_brackets() {
    for host in ["zk1", "10.0.0.1", "::1", "fe80::1%eth0"] {
        assert!(is_host(host), "{host}");
    }
    for other in ["", "zk1:1", "[::1]", "a b", "zk://a", "a,b", "a;b", "%eth0"] {
        assert!(!is_host(other), "{other}");
    }
}
