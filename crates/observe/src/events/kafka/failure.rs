//! What the client library reports, and what to do about it.

use std::error::Error as StdError;
use std::io;

use rskafka::ConnectionError;
use rskafka::client::error::{Error, ProtocolError, RequestError};

use super::super::target::Topic;
use super::security::{KafkaSecurity, SASL};

/// Answers that the library may report as text alone: if no broker at all can be reached.
const AS_TEXT: [ProtocolError; 3] = [
    ProtocolError::SaslAuthenticationFailed,
    ProtocolError::UnsupportedSaslMechanism,
    ProtocolError::IllegalSaslState,
];

/// The causes of an error, also those that the library does not report as such.
fn causes<'a>(error: &'a Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error as _), |error| cause(*error))
}

fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref() {
        Some(ConnectionError::RetryFailed(inner)) => return Some(inner),
        Some(ConnectionError::Transport { error, .. }) => return Some(error),
        _ => {}
    }
    match error.downcast_ref() {
        Some(RequestError::Poisoned(inner)) => Some(inner.as_ref()),
        _ => error.source(),
    }
}

/// The answer of a broker, under any number of the client's retries.
pub(super) fn answered(error: &Error) -> Option<ProtocolError> {
    let typed = causes(error).find_map(|cause| match cause.downcast_ref() {
        Some(Error::ServerError { protocol_error, .. }) => Some(*protocol_error),
        _ => cause.downcast_ref().copied(),
    });
    typed.or_else(|| {
        let text = error.to_string();
        let is_said = |code: &ProtocolError| text.contains(&format!("API error: {code}"));
        AS_TEXT.into_iter().find(is_said)
    })
}

/// The broker that could not be connected to, if the library tells.
pub(super) fn unreached(error: &Error) -> Option<&str> {
    causes(error).find_map(|cause| match cause.downcast_ref() {
        Some(ConnectionError::Transport { broker, .. }) => Some(broker.as_str()),
        _ => None,
    })
}

/// The reason of a failure without an answer.
pub(super) fn reason(security: &KafkaSecurity, error: &Error) -> String {
    let is_end = |cause: &(dyn StdError + 'static)| {
        let error = cause.downcast_ref::<io::Error>();
        error.is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
    };
    if security.sasl.is_none() && causes(error).any(is_end) {
        return format!(
            "the broker closes the connection: give {SASL}, if this listener asks for it"
        );
    }
    // The client adds its own text for each of its layers; the innermost has the reason.
    let text = error.to_string();
    let inner = text.rsplit("Source: ").next().unwrap_or(&text);
    let inner = inner.strip_prefix("Connection error: ").unwrap_or(inner);
    inner.to_owned()
}

/// What an answer means for `user`, the name in the credentials, and what to do. Only answers that are refusals or that
/// have a remedy are told in words.
pub(super) fn refusal(
    topic: &Topic,
    security: &KafkaSecurity,
    user: Option<String>,
    code: ProtocolError,
) -> String {
    let (who, principal) = identity(security, user);
    let acls = format!(
        "kafka-acls.sh --bootstrap-server {} --command-config ADMIN.properties --add --allow-principal {principal}",
        topic.brokers.join(",")
    );
    let name = &topic.name;
    match code {
        ProtocolError::UnknownTopicOrPartition => missing(topic),
        ProtocolError::TopicAuthorizationFailed => format!(
            "{who} may not write to the topic: create it if it does not exist, and run {acls} --operation Write --topic \
             {name}"
        ),
        ProtocolError::ClusterAuthorizationFailed => format!(
            "{who} lacks a right to the cluster: create the topic, or run {acls} --operation Create --cluster"
        ),
        ProtocolError::SaslAuthenticationFailed => match &security.sasl {
            Some(sasl) => format!(
                "the brokers refuse {who} of {SASL} {sasl}: they know no such user by {}, or it has another password",
                sasl.mechanism.name()
            ),
            None => format!("the brokers refuse {who}"),
        },
        ProtocolError::UnsupportedSaslMechanism => {
            let mechanism = security.sasl.as_ref().map(|sasl| sasl.mechanism.name());
            let mechanism = mechanism.unwrap_or_default();
            format!(
                "the brokers do not offer {mechanism}: give {SASL} another mechanism, or add it to their \
                 sasl.enabled.mechanisms"
            )
        }
        ProtocolError::IllegalSaslState => format!(
            "the brokers ask for no credentials there: name a listener of SASL_SSL or SASL_PLAINTEXT, or leave out {SASL}"
        ),
        code => format!("the broker answered {code:?}"),
    }
}

/// Who the program is for the brokers: in words, and as a principal of their ACLs.
fn identity(security: &KafkaSecurity, user: Option<String>) -> (String, String) {
    match (&security.sasl, &security.certificate) {
        (Some(_), _) => {
            let user = user.unwrap_or_else(|| "USER".to_owned());
            (format!("the user {user}"), format!("'User:{user}'"))
        }
        (None, Some(certificate)) => (
            format!("the subject of the certificate {}", certificate.display()),
            "'User:SUBJECT'".to_owned(),
        ),
        (None, None) => (
            "a client without credentials".to_owned(),
            "User:ANONYMOUS".to_owned(),
        ),
    }
}

pub(super) fn missing(topic: &Topic) -> String {
    format!(
        "the topic does not exist, and the brokers do not create it; run kafka-topics.sh --create --topic {}",
        topic.name
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(security: &KafkaSecurity, user: Option<&str>, code: ProtocolError) -> String {
        let topic = Topic {
            brokers: vec!["k1:9093".to_owned(), "k2:9093".to_owned()],
            name: "events".to_owned(),
        };
        refusal(&topic, security, user.map(str::to_owned), code)
    }

    #[test]
    fn a_missing_right_is_told_with_the_command_that_gives_it() {
        let sasl = Some("plain:/a".parse().unwrap());
        let certificate = Some("/c.pem".into());
        let by_name = KafkaSecurity {
            sasl,
            certificate: certificate.clone(),
            ..KafkaSecurity::default()
        };
        let code = ProtocolError::TopicAuthorizationFailed;
        let said_to_job = said(&by_name, Some("job"), code);
        let command = "kafka-acls.sh --bootstrap-server k1:9093,k2:9093 --command-config ADMIN.properties --add \
                       --allow-principal 'User:job' --operation Write --topic events";
        assert!(said_to_job.starts_with("the user job may not write"));
        assert!(said_to_job.ends_with(command), "{said_to_job}");
        let by_certificate = KafkaSecurity {
            certificate,
            ..KafkaSecurity::default()
        };
        let to_subject = said(&by_certificate, None, code);
        assert!(to_subject.starts_with("the subject of the certificate /c.pem may not"));
        let open = KafkaSecurity::default();
        let code = ProtocolError::ClusterAuthorizationFailed;
        let to_nobody = said(&open, None, code);
        let command = "--allow-principal User:ANONYMOUS --operation Create --cluster";
        assert!(to_nobody.ends_with(command), "{to_nobody}");
    }

    #[test]
    fn an_answer_without_a_remedy_is_named() {
        let code = ProtocolError::NotEnoughReplicas;
        let why = said(&KafkaSecurity::default(), None, code);
        assert_eq!(why, "the broker answered NotEnoughReplicas");
    }
}
