//! Line numbers in a description, for faults that show only when the cluster is about to start.

use toml::Spanned;

use super::description::{Description, Host};
use super::problem::Problems;
use super::role::Port;

/// A description that was parsed before, with its line numbers.
pub(super) struct SourceLines<'a> {
    text: &'a str,
    description: Option<Description>,
}

impl<'a> SourceLines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let description = toml::from_str(text).ok();
        Self { text, description }
    }

    fn line(&self, at: Option<usize>) -> usize {
        Problems::of(self.text).line(at.unwrap_or(0))
    }

    fn written(&self, name: &str) -> Option<&Host> {
        let hosts = self.description.iter().flat_map(|it| &it.hosts);
        let mut hosts = hosts.map(Spanned::get_ref);
        hosts.find(|host| host.name.get_ref() == name)
    }

    /// The line of the folder, or else of the name that determines it.
    pub(super) fn folder(&self) -> usize {
        let at = self.description.as_ref().map(|description| {
            let folder = description
                .folder
                .as_ref()
                .map(|folder| folder.span().start);
            folder.unwrap_or(description.name.span().start)
        });
        self.line(at)
    }

    /// The line of the security, or else of the name; and whether there is any.
    pub(super) fn security(&self) -> (usize, bool) {
        let written = |it: &Description| it.security.as_ref().map(|security| security.span().start);
        let at = self.description.as_ref().and_then(written);
        let name = self.description.as_ref().map(|it| it.name.span().start);
        (self.line(at.or(name)), at.is_some())
    }

    /// The line of the network, or else of the name.
    pub(super) fn network(&self) -> usize {
        let at = self.description.as_ref().map(|description| {
            let network = description
                .network
                .as_ref()
                .map(|network| network.span().start);
            network.unwrap_or(description.name.span().start)
        });
        self.line(at)
    }

    /// The line of a host.
    pub(super) fn host(&self, name: &str) -> usize {
        self.line(self.written(name).map(|host| host.name.span().start))
    }

    /// The line of a host's port, or else of the host.
    pub(super) fn port(&self, name: &str, port: Port) -> usize {
        let host = self.written(name);
        let own = host.map(|host| &host.ports);
        let common = self.description.as_ref().map(|it| &it.ports);
        for ports in own.into_iter().chain(common) {
            let is = |key: &Spanned<String>| *key.get_ref() == port.to_string();
            if let Some((key, _)) = ports.iter().find(|(key, _)| is(key)) {
                return self.line(Some(key.span().start));
            }
        }
        self.host(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_stands_with_its_host_or_above_all() {
        let text = "name = \"c\"\nnetwork = \"10.1.2\"\n[ports]\nkafka = 1\n\n[[host]]\nname = \"h1\"\nid = 1\n\
                    roles = []\nports = { namenode = 2 }\n";
        let lines = SourceLines::of(text);
        assert_eq!(lines.folder(), 1);
        assert_eq!(lines.network(), 2);
        assert_eq!(lines.host("h1"), 7);
        assert_eq!(lines.port("h1", Port::Kafka), 4);
        assert_eq!(lines.port("h1", Port::Namenode), 10);
        assert_eq!(lines.port("h1", Port::Zookeeper), 7);
    }
}
