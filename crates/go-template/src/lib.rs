//! Go text/template with the sprig functions
