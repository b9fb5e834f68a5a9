//! `heartline nodes ca`: a CA of one's own in a folder, and the certificates that it signs, for clusters that have no other.

mod authority;

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{Args, Subcommand, value_parser};
use humantime::format_rfc3339_seconds;

use super::PROGRAM;
use super::fields::HostName;
use authority::{Authority, CertificateOrder, Issued, RESERVED, days};
use heartline_process::say::say;

/// `heartline nodes ca`
#[derive(Args, Debug)]
pub(super) struct CaArgs {
    #[command(subcommand)]
    part: CaPart,
}

#[derive(Subcommand, Debug)]
enum CaPart {
    /// Make a CA: ca.pem, for --tls-ca of servers and nodes, and ca.key, which stays in the folder
    Init(InitArgs),
    /// Make a certificate with its key in one file, NAME.pem, for --tls-cert
    Issue(IssueArgs),
    /// Make certificates anew, with new keys, in the same files and for the same names
    Renew(RenewArgs),
}

#[derive(Args, Debug)]
struct InitArgs {
    /// Folder of the CA; made if it is missing, for its owner only
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Days for which it is valid
    #[arg(long, value_name = "COUNT", default_value_t = 3650, value_parser = value_parser!(u32).range(1..=36500))]
    days: u32,

    /// Replace a CA that is there: none of its certificates is valid for the new one
    #[arg(long)]
    force: bool,
}

#[derive(Args, Debug)]
struct IssueArgs {
    /// Folder of the CA
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Name of the node, its --hostname, or of the server, as in --server of the nodes
    #[arg(value_name = "NAME", value_parser = own_file)]
    name: HostName,

    /// Another name; can be repeated
    #[arg(long, value_name = "NAME")]
    dns: Vec<HostName>,

    /// An address of a server, for nodes that connect by it; can be repeated
    #[arg(long, value_name = "IP")]
    ip: Vec<IpAddr>,

    /// For a server: without this, nobody accepts the certificate as a server's
    #[arg(long)]
    server: bool,

    /// Days for which it is valid, at most to the end of the CA
    #[arg(long, value_name = "COUNT", default_value_t = 90, value_parser = value_parser!(u32).range(1..=3650))]
    days: u32,

    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

#[derive(Args, Debug)]
struct RenewArgs {
    /// Folder of the CA
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Names of certificates in the folder [default: all in the last third of their time]
    #[arg(value_name = "NAME", value_parser = own_file)]
    names: Vec<HostName>,

    /// Days for which they are valid [default: as long as before]
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=3650))]
    days: Option<u32>,
}

/// Parses a name that a file of the folder may have.
fn own_file(text: &str) -> Result<HostName, String> {
    let name: HostName = text.parse().map_err(|why| format!("{why}"))?;
    if name.as_str() == RESERVED {
        return Err(
            "ca.pem is the CA's own file; give another name, and this one with --dns".to_owned(),
        );
    }
    Ok(name)
}

impl CaArgs {
    /// Runs the selected subcommand.
    pub(super) fn run(self) -> ExitCode {
        let now = SystemTime::now();
        let done = match self.part {
            CaPart::Init(args) => args.run(now),
            CaPart::Issue(args) => args.run(now),
            CaPart::Renew(args) => args.run(now),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                say(PROGRAM, format_args!("{why:#}"));
                ExitCode::FAILURE
            }
        }
    }
}

impl InitArgs {
    fn run(self, now: SystemTime) -> anyhow::Result<()> {
        let made = Authority::make(&self.folder, now, days(self.days), self.force)?;
        let end = format_rfc3339_seconds(made.end);
        let [key, certificate] = [made.key.display(), made.certificate.display()];
        say(
            PROGRAM,
            format_args!(
                "{certificate} is written: valid until {end}; give it to every server and node"
            ),
        );
        say(
            PROGRAM,
            format_args!("{key} is written: who has it can take every name; it stays here"),
        );
        Ok(())
    }
}

impl IssueArgs {
    fn run(self, now: SystemTime) -> anyhow::Result<()> {
        let mut names = vec![self.name.to_string()];
        names.extend(self.dns.iter().map(ToString::to_string));
        let order = CertificateOrder {
            names,
            addresses: self.ip,
            is_for_servers: self.server,
            lifetime: days(self.days),
        };
        let authority = Authority::open(&self.folder, now)?;
        tell(
            &order,
            &authority.issue(&self.name, &order, now, self.force)?,
        );
        Ok(())
    }
}

impl RenewArgs {
    fn run(self, now: SystemTime) -> anyhow::Result<()> {
        let authority = Authority::open(&self.folder, now)?;
        let names = match self.names.as_slice() {
            [] => authority.due(now)?,
            names => names.to_vec(),
        };
        if names.is_empty() {
            say(PROGRAM, "no certificate is in the last third of its time");
        }
        let mut failed = 0;
        let count = names.len();
        for name in names {
            // One that cannot be renewed keeps none of the others from it.
            if let Err(why) = renew(&authority, &name, self.days, now) {
                failed += 1;
                say(PROGRAM, format_args!("{name} is not renewed: {why:#}"));
            }
        }
        anyhow::ensure!(failed == 0, "{failed} of {count} were not renewed");
        Ok(())
    }
}

/// Renews the certificate of this name, for as many days as before unless others are given.
fn renew(
    authority: &Authority,
    name: &HostName,
    lifetime: Option<u32>,
    now: SystemTime,
) -> anyhow::Result<()> {
    let mut order = authority.order_of(name)?;
    order.lifetime = lifetime.map_or(order.lifetime, days);
    tell(&order, &authority.issue(name, &order, now, true)?);
    Ok(())
}

/// Says what was written.
fn tell(order: &CertificateOrder, issued: &Issued) {
    let addresses = order.addresses.iter().map(ToString::to_string);
    let names: Vec<String> = order.names.iter().cloned().chain(addresses).collect();
    let role = if order.is_for_servers {
        "server"
    } else {
        "node or operator"
    };
    let until = if issued.is_cut {
        "as long as its CA, until"
    } else {
        "until"
    };
    say(
        PROGRAM,
        format_args!(
            "{} is written: a {role}, {}; valid {until} {}",
            issued.path.display(),
            names.join(", "),
            format_rfc3339_seconds(issued.end)
        ),
    );
}
