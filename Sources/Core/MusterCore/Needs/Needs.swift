/// What each task of a job needs of the worker that runs it.
package struct Needs: Hashable, Sendable {
    /// At least one cpu. What a task takes up that is not said is nobody's business: it counts as none.
    package var amounts: Amounts
    /// The worker's labels say the same.
    package var labels: [String: String]

    package init(_ amounts: Amounts = .oneCPU, labels: [String: String] = [:]) {
        (self.amounts, self.labels) = (amounts, labels)
    }

    /// What every worker has: one cpu.
    package var areUsual: Bool { labels.isEmpty && amounts == .oneCPU }

    package func areMet(by worker: Resources) -> Bool {
        amounts.fits(in: worker.amounts) && (labels.isEmpty || labels.allSatisfy { worker.labels[$0.key] == $0.value })
    }
}

/// What a worker has when nothing runs there.
///
/// GPUs are counted here. Which of them a task may use, the worker says, who knows them by their numbers: nobody else has to.
package struct Resources: Hashable, Sendable {
    package var amounts: Amounts
    package var labels: [String: String]

    package init(_ amounts: Amounts, labels: [String: String] = [:]) {
        (self.amounts, self.labels) = (amounts, labels)
    }
}

extension MemberRecord {
    /// One that does not tell (of an earlier version, which gives each task one slot whatever it needs) has what takes one cpu.
    package var means: Resources {
        var amounts = resources ?? .oneCPU
        if resources != nil { amounts.cpus = slots }
        return Resources(amounts, labels: labels)
    }
}
