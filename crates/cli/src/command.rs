//! The commands, one file each: its arguments, and what it does with the other crates.

pub(crate) mod authorization_server;
pub(crate) mod call;
pub(crate) mod clear_state;
pub(crate) mod completion;
pub(crate) mod configuration;
pub(crate) mod convert;
pub(crate) mod demo;
pub(crate) mod echo;
pub(crate) mod explain;
pub(crate) mod health;
pub(crate) mod inspect;
pub(crate) mod keygen;
pub(crate) mod load;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod man;
pub(crate) mod other_keygen;
pub(crate) mod proof;
pub(crate) mod serve;
pub(crate) mod token;
pub(crate) mod validate;
pub(crate) mod why;
