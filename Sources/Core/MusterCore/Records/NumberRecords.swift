/// Numbers of one child as they are stored: behind the `offset` that are recorded of it already.
package struct NumberBatch: Hashable, Sendable {
    package var child: ChildID
    /// Must be what is recorded of the child so far: that makes a batch count once.
    package var offset: Int
    package var count: Int
    package var rejected: Int
    /// The numbers as a compressed set of their own.
    package var serialized: [UInt8]

    package init(child: ChildID, offset: Int, count: Int, rejected: Int, serialized: [UInt8]) {
        self.child = child
        self.offset = offset
        self.count = count
        self.rejected = rejected
        self.serialized = serialized
    }
}

/// All numbers that are stored: a set, and batches since.
package struct StoredNumbers: Hashable, Sendable {
    package var snapshot: [UInt8]?
    package var log: [[UInt8]]
    /// Of the last batch; 0 when there was none.
    package var lastSequence: Int64
    /// Sums over all children.
    package var received: Int
    package var rejected: Int

    package init(snapshot: [UInt8]?, log: [[UInt8]], lastSequence: Int64, received: Int, rejected: Int) {
        self.snapshot = snapshot
        self.log = log
        self.lastSequence = lastSequence
        self.received = received
        self.rejected = rejected
    }
}
