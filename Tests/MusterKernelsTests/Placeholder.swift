// MusterKernelsTests
