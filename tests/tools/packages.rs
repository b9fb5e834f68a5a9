//! The packages that `scripts/dist` makes, with the programs of this test run in them: their tools find nothing wrong, and
//! they are installed, used, upgraded and purged in roots of their own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use crate::support::hadoop::{log_of, script, succeed};
use crate::support::{Parts, left_out, not_root, which};

/// The programs of this test run.
fn programs() -> &'static Path {
    let heartline = Path::new(env!("CARGO_BIN_EXE_heartline"));
    heartline.parent().expect("a folder of programs")
}

/// Two versions of the packages, for all tests that run at the same time.
struct Packages {
    folder: TempDir,
}

impl Packages {
    fn get() -> Arc<Self> {
        static PACKAGES: Mutex<Weak<Packages>> = Mutex::new(Weak::new());
        let mut shared = PACKAGES.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let folder = TempDir::with_prefix("heartline-packages-").expect("a folder");
            for version in ["1.0.0", "1.0.1"] {
                pack(&folder.path().join(version), version);
            }
            let packages = Arc::new(Self { folder });
            *shared = Arc::downgrade(&packages);
            packages
        })
    }

    /// The folder with the older or the newer ones.
    fn of(&self, version: &str) -> PathBuf {
        self.folder.path().join(version)
    }
}

/// Makes the packages of this version in a folder.
fn pack(output: &Path, version: &str) {
    let mut dist = script("dist");
    dist.arg("--programs")
        .arg(programs())
        .args(["--version", version]);
    // A time of its own: that of the last commit changes the bytes, and is not there in an archive of the tree.
    dist.env("SOURCE_DATE_EPOCH", "1700000000");
    dist.env(
        "HEARTLINE_MAINTAINER",
        "A tester <tester@users.noreply.github.com>",
    );
    succeed(dist.arg("--output").arg(output));
}

/// The one file of a folder with this ending.
fn file(folder: &Path, ending: &str) -> PathBuf {
    let files = fs::read_dir(folder)
        .expect("a folder")
        .map(|file| file.expect("a file").path());
    let mut files = files.filter(|path| path.to_string_lossy().ends_with(ending));
    let found = files
        .next()
        .unwrap_or_else(|| panic!("no {ending} in {}", folder.display()));
    assert_eq!(files.next(), None);
    found
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn packages_are_what_their_tools_want_and_the_same_again() {
    for tool in ["lintian", "rpmlint", "rpm"] {
        if which(tool).is_none() {
            left_out::leave_out!("{tool} is not installed");
        }
    }
    let packages = Packages::get();
    let again = TempDir::with_prefix("heartline-packages-again-").expect("a folder");
    let (first, second) = (packages.of("1.0.0"), again.path());
    // Files of earlier runs stay, and are not in the checksums.
    fs::write(second.join("heartline-0.9.0.tar.gz"), "older").expect("written");
    pack(second, "1.0.0");
    let sums = |folder: &Path| fs::read_to_string(folder.join("SHA256SUMS")).expect("checksums");
    assert_eq!(sums(&first), sums(second));
    assert_eq!(sums(&first).lines().count(), 3, "{}", sums(&first));
    succeed(
        Command::new("sha256sum")
            .args(["-c", "--quiet", "SHA256SUMS"])
            .current_dir(&first),
    );

    let (deb, rpm) = (file(&first, ".deb"), file(&first, ".rpm"));
    succeed(
        Command::new("lintian")
            .args(["--allow-root", "--fail-on", "error"])
            .arg(&deb),
    );
    let filters = Parts::root().join("contrib/package/rpmlint.toml");
    let checked = Command::new("rpmlint")
        .arg("-c")
        .arg(filters)
        .arg(&rpm)
        .output();
    let checked = stdout(&checked.expect("it runs"));
    assert!(checked.contains(" 0 errors"), "{checked}");

    let listed = succeed(Command::new("rpm").args(["-qpl"]).arg(&rpm));
    let of_rpm: BTreeSet<String> = stdout(&listed).lines().map(ToOwned::to_owned).collect();
    for path in [
        "/usr/bin/heartline",
        "/usr/bin/watch-master",
        "/usr/lib/heartline/wc-mapper",
        "/usr/lib/systemd/system/heartline-serve.service",
        "/usr/share/man/man1/heartline-nodes-agent.1.gz",
        "/usr/share/zsh/site-functions/_heartline",
        "/usr/share/doc/heartline/third-party-licenses.gz",
        "/etc/heartline/heartline.toml",
    ] {
        assert!(of_rpm.contains(path), "no {path} in {of_rpm:?}");
    }
    let configuration = succeed(Command::new("rpm").args(["-qpc"]).arg(&rpm));
    let expected = "/etc/heartline/heartline.toml\n/etc/logrotate.d/heartline\n";
    assert_eq!(stdout(&configuration), expected);
}

#[test]
fn an_rpm_is_installed_upgraded_and_erased_in_a_root_of_its_own() {
    if which("rpm").is_none() {
        left_out::leave_out!("rpm is not installed");
    }
    if let Some(why) = not_root() {
        left_out::leave_out!("{why}");
    }
    let packages = Packages::get();
    let root = TempDir::with_prefix("heartline-rpm-").expect("a folder");
    let root = root.path();
    let (old, new) = (packages.of("1.0.0"), packages.of("1.0.1"));
    let rpm = |words: &[&str], package: Option<PathBuf>| {
        // There is no shell in this root for the scripts, and no package that it could depend on.
        let mut rpm = Command::new("rpm");
        rpm.arg("--root").arg(root).args(words);
        succeed(rpm.args(package))
    };
    rpm(&["-i", "--nodeps", "--noscripts"], Some(file(&old, ".rpm")));
    assert!(stdout(&rpm(&["-q", "heartline"], None)).starts_with("heartline-1.0.0"));
    let settings = root.join("etc/heartline/heartline.toml");
    fs::write(&settings, "namespace = \"/mine\"\n").expect("written");
    rpm(&["-U", "--nodeps", "--noscripts"], Some(file(&new, ".rpm")));
    assert!(stdout(&rpm(&["-q", "heartline"], None)).starts_with("heartline-1.0.1"));
    let kept = fs::read_to_string(&settings).expect("settings");
    assert_eq!(kept, "namespace = \"/mine\"\n");
    let version = Command::new(root.join("usr/bin/wc-mapper"))
        .arg("--version")
        .output();
    assert!(stdout(&version.expect("it runs")).starts_with("wc-mapper "));
    rpm(
        &["-e", "--nodeps", "--noscripts"],
        None::<PathBuf>.or(Some("heartline".into())),
    );
    assert!(!root.join("usr/bin/heartline").exists());
    let saved = fs::read_to_string(root.join("etc/heartline/heartline.toml.rpmsave"));
    assert_eq!(saved.expect("kept aside"), kept);
}

/// A Debian that has nothing but what every Debian has, and what programs of a test run need.
fn clean_debian(root: &Path) {
    let release = fs::read_to_string("/etc/os-release").expect("a Debian");
    let mut lines = release.lines();
    let suite = lines.find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let mut make = Command::new("timeout");
    make.args([
        "-k",
        "10",
        "300",
        "mmdebstrap",
        "--quiet",
        "--variant=essential",
    ]);
    make.args([
        "--include=logrotate,libgssapi-krb5-2",
        suite.expect("a suite"),
    ]);
    succeed(make.arg(root));
}

/// A command in another root, with nothing of this environment.
fn command_in(root: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("chroot");
    command.arg(root).args(words).env_clear();
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[test]
fn a_deb_is_installed_used_upgraded_and_purged_in_a_clean_debian() {
    let debian = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if which("mmdebstrap").is_none() || !debian.contains("ID=debian") {
        left_out::leave_out!("this is no Debian with mmdebstrap");
    }
    if let Some(why) = not_root() {
        left_out::leave_out!("{why}");
    }
    let packages = Packages::get();
    let root = TempDir::with_prefix("heartline-deb-").expect("a folder");
    let root = root.path();
    let (old, new) = (packages.of("1.0.0"), packages.of("1.0.1"));
    clean_debian(root);
    let inside = |words: &[&str]| command_in(root, words);
    for (packages, name) in [(&old, "old.deb"), (&new, "new.deb")] {
        fs::copy(file(packages, ".deb"), root.join(name)).expect("copied");
    }
    succeed(&mut inside(&["dpkg", "--install", "/old.deb"]));
    succeed(&mut inside(&["getent", "passwd", "heartline"]));

    // Used: a pipeline by the links, the settings of the package, and the rotation of a file that is there.
    let pipeline = "echo 'b a b' | wc-mapper --no-heartbeat | LC_ALL=C sort | wc-reducer";
    let counted = succeed(&mut inside(&["sh", "-c", pipeline]));
    assert_eq!(stdout(&counted), "a\t1\nb\t2\n");
    let with_settings = "echo word | HEARTLINE_CONFIG=/etc/heartline/heartline.toml /usr/lib/heartline/wc-mapper --no-heartbeat";
    assert_eq!(
        stdout(&succeed(&mut inside(&["sh", "-c", with_settings]))),
        "word\t1\n"
    );
    let rotate = "install -d -o heartline -m 700 /var/lib/heartline && echo '{}' > /var/lib/heartline/events.json \
                  && logrotate --force /etc/logrotate.d/heartline && ls /var/lib/heartline";
    let rotated = succeed(&mut inside(&["sh", "-c", rotate]));
    assert_eq!(stdout(&rotated), "events.json.1\n", "{}", log_of(&rotated));

    let settings = root.join("etc/heartline/heartline.toml");
    fs::write(&settings, "namespace = \"/mine\"\n").expect("written");
    succeed(&mut inside(&["dpkg", "--install", "/new.deb"]));
    let version = succeed(&mut inside(&[
        "dpkg-query",
        "-W",
        "-f",
        "${Version}",
        "heartline",
    ]));
    assert_eq!(stdout(&version), "1.0.1-1");
    let kept = fs::read_to_string(&settings).expect("settings");
    assert_eq!(kept, "namespace = \"/mine\"\n");

    succeed(&mut inside(&["dpkg", "--remove", "heartline"]));
    assert!(settings.exists() && root.join("var/lib/heartline").exists());
    assert!(!root.join("usr/bin/heartline").exists());
    succeed(&mut inside(&["dpkg", "--purge", "heartline"]));
    for gone in [
        "etc/heartline",
        "var/lib/heartline",
        "etc/logrotate.d/heartline",
        "usr/lib/heartline",
    ] {
        assert!(!root.join(gone).exists(), "{gone} is left");
    }
}
