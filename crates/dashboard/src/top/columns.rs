//! Which columns the table has, and how wide each is: the less important go first where there is no room. Pure.

use super::model::Model;
use super::text::{short, short_age, shown, width};
use crate::history::KnownMember;
use heartline_observe::status::{UNKNOWN, bytes};

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    State,
    Name,
    Lag,
    Beats,
    Records,
    Host,
    Progress,
    Attempt,
    Cpu,
    Memory,
    Age,
}

/// A column and its width.
pub(super) type SizedColumn = (ColumnKind, usize);

/// The columns of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) columns: Vec<SizedColumn>,
    /// The width of the strips, which take the rest.
    pub(super) strip: usize,
}

/// The most columns that a strip uses: two cells a character.
const WIDEST_STRIP: usize = 120;
/// The widest name and host; longer ones lose their middle.
const WIDEST_NAME: usize = 26;
const WIDEST_HOST: usize = 16;
const WIDEST_ATTEMPT: usize = 12;
/// Below this width of the terminal, words are cut and strips are short.
const NARROW: usize = 60;
const WIDE: usize = 100;

/// The widths that the members need; 0 where nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Needs {
    name: usize,
    host: usize,
    attempt: usize,
    progress: usize,
    cpu: usize,
    memory: usize,
    age: usize,
}

impl Columns {
    /// The columns for a terminal of this width, for the members with these indexes.
    pub(super) fn of(model: &Model, members: &[usize], total: usize) -> Self {
        let needs = needs(model, members);
        let name = needs.name.clamp(4, WIDEST_NAME);
        let (state, name, least) = if total < NARROW {
            (9, name.min(10), 10)
        } else if total < WIDE {
            (10, name.min(18), 20)
        } else {
            (14, name, 30)
        };
        let mut columns = vec![(ColumnKind::State, state), (ColumnKind::Name, name + 1)];
        let mut used = state + name + 1 + 2;
        let wanted = [
            (ColumnKind::Lag, 7),
            (ColumnKind::Records, 6),
            (ColumnKind::Beats, 6),
            (ColumnKind::Host, needs.host.min(WIDEST_HOST)),
            (ColumnKind::Progress, needs.progress),
            (ColumnKind::Attempt, needs.attempt.min(WIDEST_ATTEMPT)),
            (ColumnKind::Cpu, needs.cpu),
            (ColumnKind::Memory, needs.memory),
            (ColumnKind::Age, needs.age),
        ];
        for (kind, size) in wanted {
            // A heading has four letters at least.
            let size = if size == 0 { continue } else { size.max(4) };
            if used + size + 1 + least > total {
                break;
            }
            columns.push((kind, size));
            used += size + 1;
        }
        Self {
            columns,
            strip: total.saturating_sub(used).min(WIDEST_STRIP),
        }
    }
}

fn needs(model: &Model, members: &[usize]) -> Needs {
    let mut needs = Needs::default();
    let members = members
        .iter()
        .filter_map(|index| model.history.known(*index));
    for member in members {
        let own = |text: &str| {
            if text.is_ascii() {
                text.len()
            } else {
                width(&shown(text))
            }
        };
        needs.name = needs.name.max(own(member.name()));
        needs.host = needs.host.max(own(member.text("host")));
        needs.attempt = needs.attempt.max(own(member.short_attempt()));
        let known = |is_known: bool, width| if is_known { width } else { 0 };
        let progress = member.number("progress").is_some();
        needs.progress = needs.progress.max(known(progress, 6));
        let cpu = model.cpu.percent(member.name()).is_some();
        needs.cpu = needs.cpu.max(known(cpu, 5));
        let memory = member.number("memory").is_some();
        needs.memory = needs.memory.max(known(memory, 8));
        needs.age = needs.age.max(known(!member.text("joined").is_empty(), 7));
    }
    needs
}

impl ColumnKind {
    /// Its heading.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::State => "STATE",
            Self::Name => " NAME",
            Self::Lag => "LAG",
            Self::Beats => "BEATS",
            Self::Records => "RECS",
            Self::Host => "HOST",
            Self::Progress => "DONE",
            Self::Attempt => "ATTEMPT",
            Self::Cpu => "CPU",
            Self::Memory => "MEM",
            Self::Age => "AGE",
        }
    }

    /// Whether it holds numbers, which end at its right side.
    pub(super) fn is_right(self) -> bool {
        !matches!(self, Self::State | Self::Name | Self::Host | Self::Attempt)
    }

    /// What it says of a member.
    pub(super) fn value(self, model: &Model, member: KnownMember<'_>) -> String {
        let known = |text: &str| match text {
            "" => UNKNOWN.to_owned(),
            text => shown(text),
        };
        let percent = |percent: Option<f64>| match percent {
            Some(percent) if percent.abs() < 1e4 => format!("{percent:.0}%"),
            _ => UNKNOWN.to_owned(),
        };
        match self {
            Self::State => String::new(),
            Self::Name => {
                let mark = match member.role() {
                    "master" => '*',
                    "standing" => '+',
                    _ => ' ',
                };
                format!("{mark}{}", known(member.name()))
            }
            Self::Lag => short_age(model.lag(member)),
            Self::Beats => short(member.rate("beats_per_second")),
            Self::Records => short(member.rate("records_per_second")),
            Self::Host => known(member.text("host")),
            Self::Progress => percent(member.number("progress")),
            Self::Attempt => known(member.short_attempt()),
            Self::Cpu => percent(model.cpu.percent(member.name())),
            Self::Memory => memory(member),
            Self::Age => short_age(model.age(member)),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of bytes is shown in a few digits, and a float that is too large becomes the largest number"
)]
fn memory(member: KnownMember<'_>) -> String {
    let memory = member.rate("memory");
    memory.map_or_else(|| UNKNOWN.to_owned(), |memory| bytes(memory as u64))
}
