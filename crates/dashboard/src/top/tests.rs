//! Tests of the pure parts together: keys and readings go in, a picture of text comes out.

mod picture;
mod sample;
mod state;
