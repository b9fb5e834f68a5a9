//! Figures of this process, by the names that all clients of Prometheus give them.

use std::fmt;

use procfs::process::{LimitValue, Process};
use procfs::{WithCurrentSystemInfo, boot_time_secs, ticks_per_second};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Reads `/proc/self` whenever it is asked.
#[derive(Debug)]
pub struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        // What cannot be read is left out.
        let Ok(process) = Process::myself() else {
            return Ok(());
        };
        if let Ok(stat) = process.stat() {
            let ticks = precise(stat.utime + stat.stime) / precise(ticks_per_second());
            let cpu = ConstCounter::new(ticks);
            let help = "Processor time of this process";
            let kind = cpu.metric_type();
            cpu.encode(encoder.encode_descriptor("process_cpu_seconds", help, None, kind)?)?;
            let resident = precise(stat.rss_bytes().get());
            gauge(
                &mut encoder,
                "process_resident_memory_bytes",
                "Resident memory of this process",
                resident,
            )?;
            if let Ok(boot) = boot_time_secs() {
                let started = precise(boot) + precise(stat.starttime) / precise(ticks_per_second());
                gauge(
                    &mut encoder,
                    "process_start_time_seconds",
                    "When this process started, since 1970",
                    started,
                )?;
            }
        }
        if let Ok(count) = process.fd_count() {
            gauge(
                &mut encoder,
                "process_open_fds",
                "Open file descriptors of this process",
                precise(count as u64),
            )?;
        }
        let limits = process.limits();
        if let Ok(LimitValue::Value(most)) = limits.map(|limits| limits.max_open_files.soft_limit) {
            gauge(
                &mut encoder,
                "process_max_fds",
                "Maximum number of open file descriptors",
                precise(most),
            )?;
        }
        Ok(())
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    value: f64,
) -> Result<(), fmt::Error> {
    let gauge = ConstGauge::new(value);
    let kind = gauge.metric_type();
    gauge.encode(encoder.encode_descriptor(name, help, None, kind)?)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a figure is shown in as many digits as a float has"
)]
fn precise(number: u64) -> f64 {
    number as f64
}
