// MusterNodeTests
