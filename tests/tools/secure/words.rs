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
    let trusted = format!("--zookeeper-tls={}", secured.files.authority.certificate());
    let own = secured.files.authority.sign("operator", "operator.example");
    let own = format!("--zookeeper-tls-cert={own}");
    let serves = |address: &str| format!("{address}\tMode: standalone\n");

    let asked = zkstats(&tls, &[&trusted, &own]);
    assert_eq!(asked, (Some(0), serves(&tls), String::new()));
    let wide = zkstats(&tls, &[&trusted, &own, "--json"]);
    assert!(wide.1.contains("\"version\":\"3."), "{wide:?}");
    assert_eq!(zkstats(&plain, &[]).1, serves(&plain));

    let foreign = Authority::new(secured.files.folder(), "foreign");
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

#[test]
fn an_admin_server_is_asked_by_https() {
    let admin = crate::support::free_port().to_string();
    let secured = Secured::arranged(|files| {
        let settings = [
            "admin.enableServer=true",
            "admin.serverAddress=127.0.0.1",
            "admin.forceHttps=true",
            "4lw.commands.whitelist=conf",
            &format!("admin.serverPort={admin}"),
        ];
        let settings = settings.map(str::to_owned).to_vec();
        [settings, files.quorum_certificates()].concat()
    });
    let (plain, tls) = (secured.zookeeper.address(), secured.tls_address());
    let trusted = secured.files.tls();
    let ask = |address: &str, port: &str, more: &[&str]| {
        zkstats(address, &[&["--json", "--admin-port", port], more].concat())
    };
    // Of a certificate with its key, as of one without.
    let own = secured.files.authority.sign("operator", "operator.example");
    let own = format!("--zookeeper-tls-cert={own}");
    for options in [&[&*trusted][..], &[&trusted, &own]] {
        let (status, out, why) = ask(&tls, &admin, options);
        assert_eq!((status, why.as_str()), (Some(0), ""));
        assert!(
            out.contains("\"watches\":") && !out.contains("\"watches\":null"),
            "{out}"
        );
        assert!(out.contains("\"problem\":null"), "{out}");
    }
    let (_, out, _) = ask(&plain, &admin, &[]);
    assert!(
        out.contains("if the port is for TLS, give --zookeeper-tls"),
        "{out}"
    );
    // The four-letter words are asked by TLS, and the admin port does not speak it.
    let port = plain.rsplit(':').next().expect("a port");
    let (_, out, _) = ask(&tls, port, &[&trusted]);
    assert!(
        out.contains("name one with admin.portUnification=true"),
        "{out}"
    );
}
