//! Which members the table shows, and in what order: the rules of the page. Pure.

use std::cmp::Ordering;
use std::time::Duration;

use clap::ValueEnum;

use super::model::Model;
use super::states::{kind_of, rank};
use crate::history::KnownMember;

/// Maximum length of a filter, in characters.
pub(super) const LONGEST_FILTER: usize = 200;

/// The order of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum TopSort {
    /// The worst state first
    #[default]
    State,
    /// The longest time since the last beat first
    Lag,
    /// The fewest input records a second first
    Records,
    /// The fewest beats a second first
    Beats,
    /// By name
    Name,
    /// By host
    Host,
    /// The oldest first
    Age,
}

impl TopSort {
    /// The order that follows, or the one before.
    pub(super) fn next(self, is_forward: bool) -> Self {
        let all = Self::value_variants();
        let place = all.iter().position(|one| *one == self).unwrap_or(0);
        let step = if is_forward { 1 } else { all.len() - 1 };
        all[(place + step) % all.len()]
    }

    /// Its word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Lag => "lag",
            Self::Records => "records",
            Self::Beats => "beats",
            Self::Name => "name",
            Self::Host => "host",
            Self::Age => "age",
        }
    }
}

/// What the table is to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) sort: TopSort,
    pub(super) is_inverted: bool,
    /// Words that must all match; a word with `-` before it must not.
    pub(super) filter: String,
}

/// What members are ordered by; one without it is last in any direction.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum SortKey<'a> {
    Number(f64),
    Text(&'a str),
}

/// The indexes of the members that match, in their order.
pub(super) fn listing(model: &Model, wish: &Wish) -> Vec<usize> {
    let words = words(&wish.filter);
    let mut found: Vec<(Option<SortKey<'_>>, usize, usize)> = Vec::new();
    for (index, member) in model.history.members().enumerate() {
        if words.is_empty() || matches(member, &words) {
            let key = key(model, member, wish.sort);
            found.push((key, model.name_rank(index), index));
        }
    }
    found.sort_unstable_by(|a, b| match (a.0, b.0) {
        (Some(one), Some(other)) => {
            let order = one.partial_cmp(&other).unwrap_or(Ordering::Equal);
            let order = order.then(a.1.cmp(&b.1));
            if wish.is_inverted {
                order.reverse()
            } else {
                order
            }
        }
        (one, other) => {
            let order = one.is_none().cmp(&other.is_none());
            order.then(a.1.cmp(&b.1))
        }
    });
    found.into_iter().map(|(_, _, index)| index).collect()
}

fn key<'a>(model: &Model, member: KnownMember<'a>, sort: TopSort) -> Option<SortKey<'a>> {
    let number = match sort {
        TopSort::Name => 0.0,
        TopSort::Host => {
            let host = Some(member.text("host")).filter(|host| !host.is_empty());
            return host.map(SortKey::Text);
        }
        TopSort::State => f64::from(u32::try_from(rank(member.state())).unwrap_or(u32::MAX)),
        // Lags below one reading, and rates that hardly differ, are equal: rows do not change places all the time.
        TopSort::Lag if member.is_ended() => return None,
        TopSort::Lag => {
            let period = model.period().max(Duration::from_millis(1)).as_secs_f64();
            -(model.lag(member)?.as_secs_f64() / period).floor()
        }
        TopSort::Records => rounded(member.rate("records_per_second")?),
        TopSort::Beats => rounded(member.rate("beats_per_second")?),
        TopSort::Age => -model.age(member)?.as_secs_f64(),
    };
    Some(SortKey::Number(number))
}

/// A number to two digits.
fn rounded(number: f64) -> f64 {
    if number <= 0.0 {
        return 0.0;
    }
    let unit = 10_f64.powf(number.log10().floor() - 1.0);
    (number / unit).round() * unit
}

/// The words of a filter, in lower case.
fn words(filter: &str) -> Vec<String> {
    let lower = filter.to_lowercase();
    let words = lower.split_whitespace().filter(|word| *word != "-");
    words.map(str::to_owned).collect()
}

fn matches(member: KnownMember<'_>, words: &[String]) -> bool {
    let keys = ["node", "host", "attempt", "job", "phase", "role", "verdict"];
    let mut text = String::new();
    for key in keys {
        text.push_str(member.text(key));
        text.push('\n');
    }
    text.push_str(kind_of(member.state()).word);
    let text = text.to_lowercase();
    words.iter().all(|word| match word.strip_prefix('-') {
        Some(excluded) => !text.contains(excluded),
        None => text.contains(word.as_str()),
    })
}
