//! Any command with a heartbeat; groups, events, status and control; and the project's own scripts.

#[path = "../fuzz/mod.rs"]
mod fuzz;
#[path = "../support/mod.rs"]
mod support;

mod commit;
mod condition;
mod control;
mod corpus;
mod demo;
mod doctor;
mod events;
mod events_kafka;
mod events_webhook;
mod generate;
mod imports;
mod left_out;
mod membership;
mod membership_faults;
mod membership_kazoo;
mod membership_zkcli;
mod messages;
mod metrics;
mod names;
mod on_death;
mod outside;
mod packages;
mod python;
mod record;
mod reference;
mod run;
mod run_faults;
mod scripts;
mod scripts_build;
mod secure;
mod secure_kafka;
mod secure_kerberos;
mod serve;
mod serve_actions;
mod serve_page;
mod serve_reports;
mod service_manager;
mod settings;
mod stall;
mod status;
mod status_watch;
mod systemd;
mod top;
mod wait;
