/// Names one held lease call (a worker's long poll). Given out by the driver.
package struct LeaseCallID: Hashable, Sendable {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// Names one delivery of reports that waits for its answer. Given out by the driver.
package struct DeliveryID: Hashable, Sendable {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// Names one group of writes on its way to the store. Given out by the scheduler.
package struct CommitID: Hashable, Sendable {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}
