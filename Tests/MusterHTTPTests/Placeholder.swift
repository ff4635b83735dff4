// MusterHTTPTests
