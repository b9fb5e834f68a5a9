//! Hadoop's configuration files: names and values in XML.

use quick_xml::escape::escape;

/// The text of a file with these properties.
pub(super) fn site(properties: &[(String, String)]) -> String {
    let mut text = "<?xml version=\"1.0\"?>\n<configuration>\n".to_owned();
    for (name, value) in properties {
        let (name, value) = (escape(name.as_str()), escape(value.as_str()));
        text.extend([format!(
            "  <property>\n    <name>{name}</name>\n    <value>{value}</value>\n  </property>\n"
        )]);
    }
    text.push_str("</configuration>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_within_its_element() {
        let text = site(&[("a".to_owned(), "<b>&\"".to_owned())]);
        assert!(
            text.contains("<value>&lt;b&gt;&amp;&quot;</value>"),
            "{text}"
        );
    }
}
