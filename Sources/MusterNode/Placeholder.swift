// MusterNode
