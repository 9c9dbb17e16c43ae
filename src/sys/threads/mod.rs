//! For faces that several threads use at once.

mod arc;
mod deadline;
mod doorbell;
mod monitor;
mod thread;

pub(crate) use arc::Arc;
pub(crate) use deadline::Deadline;
pub(crate) use doorbell::Doorbell;
pub(crate) use monitor::{Confined, Guard, Monitor};
pub(crate) use thread::{Run, Thread};
