//! `heartline top`: a job in a terminal.
//!
//! - `states`, `palette`, `text`, `facts`, `cpu`: words, styles and numbers.
//! - `model`, `listing`, `columns`, `braille`: what is known, and what is shown of it where.
//! - `state`, `keys`, `commands`: what is chosen, and what each key does.
//! - `draw`, `header`, `footer`, `details`, `events`, `help`: the picture.
//! - `terminal`, `held_stderr`: the terminal, which is given back as it was.
//! - `run`, `args`: the loop around it, and the command.
//!
//! All but the last four modules are pure: readings, keys and time go in, a picture and actions come out.

mod args;
mod braille;
mod columns;
mod commands;
mod cpu;
mod details;
mod draw;
mod events;
mod facts;
mod footer;
mod header;
mod held_stderr;
mod help;
mod keys;
mod listing;
mod model;
mod palette;
mod run;
mod state;
mod states;
mod terminal;
#[cfg(test)]
mod tests;
mod text;

pub use args::TopArgs;
