// MusterTestKit
