//! An authorization server for development and tests that issues DPoP-bound tokens
