//! Four-letter words by TLS: `heartline zkstats`.

use super::*;

/// Asks the server at `address`, with enough time on a busy machine.
fn zkstats(address: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let words = ["zkstats", "--timeout", "10s", address];
    let output = run(HEARTLINE, &[&words, more].concat());
    let (out, why) = (text_of(&output.stdout), text_of(&output.stderr));
    (output.status.code(), out, why)
}

#[test]
fn servers_are_asked_by_tls_and_a_refusal_says_why() {
    let secured = Secured::start(&["ssl.clientAuth=need"]);
    let (plain, tls) = (secured.zookeeper.address(), secured.tls_address());
    let trusted = format!("--zookeeper-tls={}", secured.authority.certificate());
    let own = secured.authority.sign("operator", "operator.example");
    let own = format!("--zookeeper-tls-cert={own}");
    let serves = |address: &str| format!("{address}\tMode: standalone\n");

    let asked = zkstats(&tls, &[&trusted, &own]);
    assert_eq!(asked, (Some(0), serves(&tls), String::new()));
    let wide = zkstats(&tls, &[&trusted, &own, "--json"]);
    assert!(wide.1.contains("\"version\":\"3."), "{wide:?}");
    assert_eq!(zkstats(&plain, &[]).1, serves(&plain));

    let foreign = Authority::new(secured.folder(), "foreign");
    let foreign = format!("--zookeeper-tls={}", foreign.certificate());
    for (address, options, wanted) in [
        (&tls, &[][..], "give --zookeeper-tls"),
        (&tls, &[&*trusted][..], "by --zookeeper-tls-cert"),
        (&tls, &[&foreign, &own], "no CA in --zookeeper-tls"),
        (&plain, &[&trusted, &own], "name its secureClientPort"),
    ] {
        let (status, out, why) = zkstats(address, options);
        assert_eq!((status, out), (Some(1), format!("{address}\tMode:NULL\n")));
        assert!(why.contains(wanted), "{options:?}: {why}");
    }
    let (status, _, why) = zkstats(&tls, &["--zookeeper-tls=/does/not/exist"]);
    assert_eq!(status, Some(1));
    assert!(why.contains("/does/not/exist cannot be read"), "{why}");
}
