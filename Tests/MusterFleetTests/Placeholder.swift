// MusterFleetTests
