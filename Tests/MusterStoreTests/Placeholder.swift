// MusterStoreTests
