// MusterAPITests
