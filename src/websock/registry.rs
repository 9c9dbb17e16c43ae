//! Which handle stands for which client.
//!
//! Handles are numbers and never used again, so that one that was closed already,
//! perhaps by another thread, is known not to be one.

use alloc::vec::Vec;

use super::client::Client;
use crate::sys::Mutex;
use crate::sys::threads::Arc;

struct Registry {
    last: usize,
    /// In the order of their handles.
    clients: Vec<(usize, Arc<Client>)>,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { last: 0, clients: Vec::new() });

impl Registry {
    fn place(&self, handle: usize) -> Option<usize> {
        self.clients.binary_search_by_key(&handle, |entry| entry.0).ok()
    }
}

/// A new handle. `None` when memory is short.
pub(super) fn add(client: Arc<Client>) -> Option<usize> {
    REGISTRY.with(|registry| {
        registry.clients.try_reserve(1).ok()?;
        registry.last += 1;
        registry.clients.push((registry.last, client));
        Some(registry.last)
    })
}

pub(super) fn find(handle: usize) -> Option<Arc<Client>> {
    REGISTRY.with(|registry| {
        let place = registry.place(handle)?;
        registry.clients.get(place).map(|entry| entry.1.clone())
    })
}

pub(super) fn remove(handle: usize) -> Option<Arc<Client>> {
    REGISTRY.with(|registry| {
        let place = registry.place(handle)?;
        let (_, client) = registry.clients.remove(place);
        if registry.clients.is_empty() {
            registry.clients = Vec::new();
        }
        Some(client)
    })
}
