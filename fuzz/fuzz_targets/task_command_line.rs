#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| heartline_fuzz::read("task_command_line", bytes));
