//! What each key does.

use super::keys::Key;
use super::listing::LONGEST_FILTER;
use super::state::{Dialog, StallSnapshot, TopAction, TopState, View};
use super::text::shown;
use heartline_core::clock::Now;

impl TopState {
    /// A key was pressed. Returns what is to be done outside.
    pub(super) fn key(&mut self, now: Now, key: Key) -> Option<TopAction> {
        self.notice_was_read();
        match key {
            Key::Ctrl('c') => return Some(TopAction::Quit),
            Key::Ctrl('z') => return Some(TopAction::Suspend),
            Key::Ctrl('l') => return Some(TopAction::Redraw),
            _ => {}
        }
        match self.dialog.take() {
            Some(Dialog::Filter(before)) => {
                self.filter_key(key, before);
                None
            }
            Some(Dialog::Kill(node)) => self.kill_key(now, key, node),
            Some(Dialog::Help) => {
                self.help_key(key);
                None
            }
            None => self.view_key(now, key),
        }
    }

    /// Text was pasted: only a filter takes it, so that no line of it acts as keys.
    pub(super) fn pasted(&mut self, text: &str) {
        if let Some(Dialog::Filter(_)) = self.dialog {
            for letter in text.chars().take(LONGEST_FILTER) {
                self.write(letter);
            }
        }
    }

    fn filter_key(&mut self, key: Key, before: String) {
        match key {
            Key::Enter => return,
            Key::Escape => {
                self.wish.filter = before;
                self.relist();
                return;
            }
            Key::Backspace => {
                self.wish.filter.pop();
                self.relist();
            }
            Key::Ctrl('u') => {
                self.wish.filter.clear();
                self.relist();
            }
            Key::Char(letter) => self.write(letter),
            Key::Up | Key::Down | Key::PageUp | Key::PageDown => self.move_by(key),
            _ => {}
        }
        self.dialog = Some(Dialog::Filter(before));
    }

    fn write(&mut self, letter: char) {
        let length = self.wish.filter.chars().count();
        if length < LONGEST_FILTER && !letter.is_control() {
            self.wish.filter.push(letter);
            self.relist();
        }
    }

    fn kill_key(&mut self, now: Now, key: Key, node: String) -> Option<TopAction> {
        if let Key::Char('y' | 'Y') = key {
            self.say(now, format!("asking the master to end {} …", shown(&node)));
            return Some(TopAction::Kill(node));
        }
        self.say(now, format!("{} was not ended", shown(&node)));
        None
    }

    fn help_key(&mut self, key: Key) {
        match key {
            Key::Char('j' | 'k')
            | Key::Up
            | Key::Down
            | Key::PageUp
            | Key::PageDown
            | Key::Home => {
                self.scroll_by(key);
                self.dialog = Some(Dialog::Help);
            }
            _ => self.scroll = 0,
        }
    }

    fn view_key(&mut self, now: Now, key: Key) -> Option<TopAction> {
        match key {
            Key::Char('q') | Key::F(10) => return Some(TopAction::Quit),
            Key::Char('h' | '?') | Key::F(1) => {
                self.scroll = 0;
                self.dialog = Some(Dialog::Help);
            }
            Key::Char(' ' | 'p') => self.pause(),
            Key::Char('K') | Key::F(9) => self.ask_to_kill(now),
            Key::Char('e') => {
                self.scroll = 0;
                self.view = if self.view == View::Events {
                    View::Table
                } else {
                    View::Events
                };
            }
            Key::Escape if self.view != View::Table => self.view = View::Table,
            _ if self.view == View::Table => return self.table_key(now, key),
            _ => self.scroll_by(key),
        }
        None
    }

    fn table_key(&mut self, now: Now, key: Key) -> Option<TopAction> {
        match key {
            Key::Char('/') | Key::F(4) => {
                self.dialog = Some(Dialog::Filter(self.wish.filter.clone()));
            }
            Key::Escape => {
                self.wish.filter.clear();
                self.relist();
            }
            Key::Char('s' | '>') | Key::F(6) => self.sort(now, true),
            Key::Char('<') => self.sort(now, false),
            Key::Char('I') => {
                self.wish.is_inverted = !self.wish.is_inverted;
                self.relist();
            }
            Key::Enter => {
                let node = self.chosen_member()?.name().to_owned();
                self.view = View::Details(node.clone());
                self.scroll = 0;
                self.snapshot = StallSnapshot::Asked;
                return Some(TopAction::Snapshot(node));
            }
            _ => self.move_by(key),
        }
        None
    }

    fn sort(&mut self, now: Now, is_forward: bool) {
        self.wish.sort = self.wish.sort.next(is_forward);
        self.relist();
        self.say(now, format!("sorted by {}", self.wish.sort.word()));
    }

    fn ask_to_kill(&mut self, now: Now) {
        let member = match &self.view {
            View::Details(node) => self.model().member(node),
            View::Table => self.chosen_member(),
            View::Events => None,
        };
        let asked = match member {
            None => Err("choose a member first".to_owned()),
            Some(member) if member.is_ended() => {
                Err(format!("{} has ended already", shown(member.name())))
            }
            Some(member) => Ok(member.name().to_owned()),
        };
        match asked {
            Ok(node) => self.dialog = Some(Dialog::Kill(node)),
            Err(why) => self.say(now, why),
        }
    }

    /// Moves the choice in the table.
    fn move_by(&mut self, key: Key) {
        let (place, page) = (self.place, self.page);
        let place = match key {
            Key::Up | Key::Char('k') => place.saturating_sub(1),
            Key::Down | Key::Char('j') => place + 1,
            Key::PageUp => place.saturating_sub(page),
            Key::PageDown => place + page,
            Key::Home => 0,
            Key::End => usize::MAX,
            _ => return,
        };
        self.choose(place);
    }

    /// Moves the lines of another view; the drawing stops at the last one.
    fn scroll_by(&mut self, key: Key) {
        let (scroll, page) = (self.scroll, self.page);
        self.scroll = match key {
            Key::Up | Key::Char('k') => scroll.saturating_sub(1),
            Key::Down | Key::Char('j') => scroll.saturating_add(1),
            Key::PageUp => scroll.saturating_sub(page),
            Key::PageDown => scroll.saturating_add(page),
            Key::Home => 0,
            Key::End => usize::MAX,
            _ => scroll,
        };
    }
}
