/// Tasks of one job that nobody has yet, and what is known of how long they take: what it takes to say how many workers are wanted.
package struct WaitingWork: Hashable, Sendable {
    package var job: JobID
    package var kernel: String
    package var needs: Needs
    /// Tasks that could be begun now, were there somebody for them. An upper bound.
    package var count: Int
    /// Batches of it that are out.
    package var running: Int
    /// Measured, of one task; nil: none has been yet.
    package var seconds: Double?
    /// How long the batch is out that went first of those that are; of a job that was not measured.
    package var oldest: Duration = .zero
    /// So many more batches of it may go out now; nil: as many as like.
    package var batchesLeft: Int?
    /// At least so long between two starts of its tasks.
    package var startDelay: Duration?
    /// Of a job with a quorum: so many voters are wanted on one of its tasks beside those who have it, or voted.
    package var voters: Int?
    /// Grows whenever some of it is granted.
    package var turn: UInt64 = 0

    package init(
        _ job: JobID, kernel: String, needs: Needs = Needs(), count: Int, running: Int = 0, seconds: Double? = nil
    ) {
        (self.job, self.kernel, self.needs, self.count) = (job, kernel, needs, count)
        (self.running, self.seconds) = (running, seconds)
    }
}

extension Amounts {
    /// How often the other fits in this; at most so often.
    package func holds(_ other: Amounts, atMost limit: Int) -> Int {
        var times = limit
        func bound(_ has: Int, _ wants: Int) { if wants > 0 { times = min(times, max(0, has) / wants) } }
        bound(cpus, other.cpus)
        bound(memory, other.memory)
        bound(gpus, other.gpus)
        for (name, wants) in other.counts { bound(counts[name, default: 0], wants) }
        return times
    }

    /// The same, so many times.
    package static func * (one: Amounts, times: Int) -> Amounts {
        Amounts(
            cpus: one.cpus * times, memory: one.memory * times, gpus: one.gpus * times,
            counts: one.counts.mapValues { $0 * times })
    }
}
