//! Keybound's gateway: configuration files, listeners, reverse proxy
