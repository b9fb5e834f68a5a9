//! Parsers of the pages of Hadoop's daemons and of Kafka's znodes, for the fuzz targets and the tests of the corpus.

use super::hdfs::{Beans, Datanode, Journal, Namenode};
use super::kafka::Kafka;
use super::listing::lines;
use super::webhdfs::{Listing, Refusal};
use super::yarn::{InfoPage, NodesPage, Resourcemanager};
use heartline_core::text::is_steering;

/// Parses the bytes as a page of each daemon.
pub fn pages(bytes: &[u8]) {
    if let Ok(page) = serde_json::from_slice::<Beans>(bytes) {
        let namenode = Namenode::of(&page);
        let journal = Journal::of(&page, "small");
        let datanode = Datanode::of(&page);
        let json = serde_json::to_string(&(namenode, journal, datanode));
        assert!(json.is_ok(), "they have a JSON");
    }
    if let Ok(page) = serde_json::from_slice::<InfoPage>(bytes) {
        let _ = Resourcemanager::of(page).is_active();
    }
    if let Ok(page) = serde_json::from_slice::<NodesPage>(bytes) {
        assert!(serde_json::to_string(&page.nodes()).is_ok());
    }
    if let Ok(listing) = serde_json::from_slice::<Listing>(bytes) {
        let entries = listing.entries();
        assert!(serde_json::to_string(&entries).is_ok());
        let head = usize::from(!entries.is_empty());
        assert_eq!(lines(&entries).len(), entries.len() + head);
    }
    if let Ok(refusal) = serde_json::from_slice::<Refusal>(bytes) {
        assert!(!refusal.reason().contains(is_steering));
    }
}

/// Parses Kafka's znodes: one line each for the controller, the brokers' ids, and the states of partitions.
pub fn kafka(bytes: &[u8]) {
    let mut values = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
    let controller = values.next();
    let brokers = values.next().unwrap_or_default();
    let brokers: Vec<String> = String::from_utf8_lossy(&brokers)
        .split(' ')
        .map(str::to_owned)
        .collect();
    let partitions = values.map(|state| ("topic-0".to_owned(), vec![1, 2], Some(state)));
    let partitions: Vec<_> = partitions.collect();
    let count = partitions.len();
    let kafka = Kafka::of(controller, &brokers, partitions);
    assert_eq!(kafka.partitions, count);
    assert!(kafka.offline.len() <= count && kafka.under_replicated.len() <= count);
}
