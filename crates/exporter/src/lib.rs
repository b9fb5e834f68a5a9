//! Serves figures of a program by HTTP, as Prometheus asks for them; and what every HTTP server here needs.
//!
//! - [`server`]: `/metrics`, `/healthz` and `/readyz`.
//! - [`process`]: the figures of the process itself.
//! - [`listener`]: accepts a bounded number of connections.
//! - [`tls`]: encrypts them.

pub mod listener;
pub mod process;
pub mod server;
pub mod tls;
