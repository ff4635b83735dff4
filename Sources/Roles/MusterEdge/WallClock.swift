internal import MusterSystem

/// Milliseconds since 1970.
var nowMs: Int { Int(SystemTime.wallClockMs()) }
