//! Puts the gateway together from its configuration.
