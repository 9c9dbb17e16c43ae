//! The wsio face: what the requirements document describes, in safe code.

#![forbid(unsafe_code)]

mod budget;
mod config;
mod instance;
mod pending;
mod spare;
mod state;

pub(crate) use config::{Config, Settings};
pub(crate) use instance::{Instance, OpenCallbacks, Refusal};
pub(crate) use pending::LARGEST_SEND;
