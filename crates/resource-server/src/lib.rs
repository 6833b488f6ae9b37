//! May this request use this token? The one DPoP verifier that every face of Keybound calls
