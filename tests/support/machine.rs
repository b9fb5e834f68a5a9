//! Locks for the machine: the harness runs several tests at once, and some need the whole machine.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::new(());

/// Waits until no other test holds the machine: HDFS and YARN alone keep two cores busy while they start. A test
/// that panics releases it.
pub(crate) fn whole_machine() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// Waits while another test holds the [`whole_machine`]; others of this kind may run at the same time.
pub(crate) fn part_of_machine() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}
