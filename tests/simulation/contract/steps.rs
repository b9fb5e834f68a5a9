//! The scripts that are about something: what heartline leans on, named.

use heartline::coordination::client::{Kind, Operation};

use super::script::{ROOT, Script, Step};

fn at(path: &str) -> String {
    format!("{ROOT}{path}")
}

fn script(name: &str, steps: Vec<Step>) -> Script {
    let name = name.to_owned();
    Script { name, steps }
}

fn create(session: usize, path: &str) -> Step {
    Step::Create(session, at(path), Kind::Persistent)
}

fn set(session: usize, path: &str) -> Step {
    Step::Set(session, at(path), None)
}

fn delete(session: usize, path: &str) -> Step {
    Step::Delete(session, at(path), None)
}

pub(super) fn all() -> Vec<Script> {
    vec![
        versions(),
        refusals(),
        a_line_of_claims(),
        watches_on_values(),
        watches_on_children(),
        a_watch_for_each_end(),
        transactions(),
        transactions_wake_watches(),
        the_fence(),
        a_leftover_is_replaced(),
    ]
}

fn versions() -> Script {
    let mut steps = vec![create(0, "/a"), set(1, "/a"), set(0, "/a")];
    steps.extend([Some(1), Some(2), Some(2), None].map(|v| Step::Set(1, at("/a"), v)));
    steps.extend([Some(3), Some(4), None].map(|v| Step::Delete(0, at("/a"), v)));
    // A znode of the same name begins anew.
    steps.extend([create(0, "/a"), Step::Get(1, at("/a"), false)]);
    script("versions", steps)
}

fn refusals() -> Script {
    let steps = vec![
        create(0, "/a/b"),
        create(0, "/a"),
        create(1, "/a"),
        create(0, "/a/b"),
        delete(0, "/a"),
        Step::Delete(0, at("/a"), Some(7)),
        Step::Create(0, at("/e"), Kind::Ephemeral),
        create(1, "/e/x"),
        Step::Create(1, at("/e/x"), Kind::EphemeralSequential),
        Step::Children(1, at("/e"), true),
        set(0, "/x"),
        delete(0, "/x"),
        Step::Get(0, at("/x"), true),
        Step::Children(0, at("/x"), true),
        Step::Stat(0, at("/x"), false),
        create(0, "/x"),
    ];
    script("refusals", steps)
}

fn a_line_of_claims() -> Script {
    let claim = |session, name: &str| {
        Step::Create(
            session,
            at(&format!("/line/{name}-")),
            Kind::EphemeralSequential,
        )
    };
    let mut steps = vec![
        create(0, "/line"),
        claim(0, "a"),
        claim(1, "b"),
        create(2, "/line/no-claim"),
        claim(2, "c"),
        delete(0, "/line/no-claim"),
        claim(0, "d"),
    ];
    let operations = vec![
        Operation::Delete {
            path: at("/line/b-0000000001"),
            version: None,
        },
        Operation::Create {
            path: at("/line/e"),
            value: Vec::new(),
            kind: Kind::Ephemeral,
        },
        Operation::Check {
            path: at("/nowhere"),
            version: None,
        },
    ];
    // A number that a refused transaction would have taken is not taken.
    steps.push(Step::Transaction(1, operations));
    steps.extend([claim(1, "f"), Step::Children(0, at("/line"), false)]);
    steps.extend([Step::End(0), Step::Children(1, at("/line"), false)]);
    steps.extend([claim(0, "g"), Step::Children(1, at("/line"), false)]);
    script("a line of claims", steps)
}

fn watches_on_values() -> Script {
    let steps = vec![
        Step::Stat(1, at("/a"), true),
        create(0, "/a"),
        Step::Get(1, at("/a"), true),
        Step::Get(1, at("/a"), true),
        Step::Stat(1, at("/a"), true),
        create(0, "/a/b"),
        set(0, "/a"),
        set(0, "/a"),
        Step::Get(1, at("/a"), true),
        delete(0, "/a/b"),
        delete(0, "/a"),
        create(0, "/a"),
    ];
    script("watches on values", steps)
}

fn watches_on_children() -> Script {
    let steps = vec![
        create(0, "/a"),
        Step::Children(1, at("/a"), true),
        set(0, "/a"),
        create(0, "/a/b"),
        Step::Children(1, at("/a"), true),
        set(0, "/a/b"),
        delete(0, "/a/b"),
        Step::Children(1, at("/a"), true),
        delete(0, "/a"),
    ];
    script("watches on children", steps)
}

/// How a claim is watched: as one with children, which it never has.
fn a_watch_for_each_end() -> Script {
    let steps = vec![
        Step::Create(0, at("/e"), Kind::Ephemeral),
        Step::Children(1, at("/e"), true),
        Step::Get(1, at("/e"), true),
        Step::Stat(2, at("/e"), true),
        set(0, "/e"),
        Step::Get(1, at("/e"), true),
        Step::End(0),
        Step::Stat(1, at("/e"), false),
        // Of a session that ends itself.
        Step::Stat(2, at("/e"), true),
        Step::End(2),
    ];
    script("a watch for each end", steps)
}

fn transactions() -> Script {
    let put = |path: &str, kind| Operation::Create {
        path: at(path),
        value: b"x".to_vec(),
        kind,
    };
    let check = |path: &str| Operation::Check {
        path: at(path),
        version: None,
    };
    let drop = |path: &str, version| Operation::Delete {
        path: at(path),
        version,
    };
    let write = |path: &str, version| Operation::Set {
        path: at(path),
        value: b"y".to_vec(),
        version,
    };
    let lasting = Kind::Persistent;
    let transactions = [
        vec![check("")],
        vec![check("/a"), put("/a", lasting)],
        vec![
            put("/a", lasting),
            check("/a"),
            put("/a/b", Kind::Ephemeral),
        ],
        vec![
            write("/a", Some(0)),
            write("/a", Some(1)),
            write("/a", Some(7)),
        ],
        vec![write("/a", Some(0)), write("/a", Some(1))],
        vec![drop("/a", None), drop("/a/b", None)],
        vec![drop("/a/b", Some(1))],
        vec![drop("/a/b", Some(0)), drop("/a", Some(2)), check("/a")],
        vec![drop("/a/b", Some(0)), put("/a/b", Kind::Ephemeral)],
        vec![put("/a/b/c", lasting)],
        vec![drop("/a/b", Some(0)), drop("/a", Some(2))],
        vec![check("/a")],
    ];
    let mut steps = Vec::new();
    for (at_step, operations) in transactions.into_iter().enumerate() {
        steps.push(Step::Transaction(at_step % 2, operations));
        steps.push(Step::Stat(2, at("/a"), false));
        steps.push(Step::Stat(2, at("/a/b"), false));
    }
    script("transactions", steps)
}

fn transactions_wake_watches() -> Script {
    let steps = vec![
        create(0, "/a"),
        create(0, "/a/b"),
        Step::Get(1, at("/a"), true),
        Step::Get(1, at("/a/b"), true),
        Step::Children(1, at("/a"), true),
        Step::Stat(1, at("/a/c"), true),
        Step::Transaction(
            0,
            vec![
                Operation::Set {
                    path: at("/a"),
                    value: Vec::new(),
                    version: None,
                },
                Operation::Delete {
                    path: at("/a/b"),
                    version: None,
                },
                Operation::Create {
                    path: at("/a/c"),
                    value: Vec::new(),
                    kind: Kind::Persistent,
                },
            ],
        ),
        // What is replaced in one step is gone and there again.
        Step::Get(1, at("/a/c"), true),
        Step::Transaction(
            2,
            vec![
                Operation::Delete {
                    path: at("/a/c"),
                    version: None,
                },
                Operation::Create {
                    path: at("/a/c"),
                    value: Vec::new(),
                    kind: Kind::Ephemeral,
                },
            ],
        ),
    ];
    script("transactions wake watches", steps)
}

/// A master's write: made as long as its claim stands, refused at the check afterwards.
fn the_fence() -> Script {
    let fenced = Step::Transaction(
        1,
        vec![
            Operation::Check {
                path: at("/claim"),
                version: None,
            },
            Operation::Delete {
                path: at("/follower"),
                version: Some(1),
            },
            Operation::Set {
                path: at(""),
                value: b"report".to_vec(),
                version: None,
            },
        ],
    );
    let steps = vec![
        Step::Create(1, at("/claim"), Kind::Ephemeral),
        Step::Create(2, at("/follower"), Kind::Ephemeral),
        fenced.clone(),
        set(2, "/follower"),
        fenced.clone(),
        fenced.clone(),
        Step::Create(2, at("/follower"), Kind::Ephemeral),
        set(2, "/follower"),
        delete(0, "/claim"),
        fenced,
        Step::Stat(0, at("/follower"), false),
    ];
    script("the fence", steps)
}

fn a_leftover_is_replaced() -> Script {
    let steps = vec![
        Step::Create(0, at("/own"), Kind::Ephemeral),
        Step::Create(1, at("/own"), Kind::Ephemeral),
        Step::Transaction(
            1,
            vec![
                Operation::Delete {
                    path: at("/own"),
                    version: None,
                },
                Operation::Create {
                    path: at("/own"),
                    value: Vec::new(),
                    kind: Kind::Ephemeral,
                },
            ],
        ),
        Step::End(0),
        Step::Stat(2, at("/own"), false),
        Step::End(1),
        Step::Stat(2, at("/own"), false),
    ];
    script("a leftover is replaced", steps)
}
