//! JWA, JWK, JWS and JWT with strict parsing: the one place that names a cryptographic library
