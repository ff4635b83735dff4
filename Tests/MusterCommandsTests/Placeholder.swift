// MusterCommandsTests
