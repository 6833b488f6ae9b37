//! OAuth vocabulary as data: confirmation, challenges, error codes, metadata, PKCE
