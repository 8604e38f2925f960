//! The front door of Velox: configuration, the HTTP edge and the composition root.

pub mod cli;
pub mod config;
pub mod http;
pub mod logging;
pub mod serve;
pub mod shutdown;
pub mod system;
