package import MusterCore

/// What machines did by one transaction: many reports, one row written for each machine.
package struct Contributions: Sendable {
    package private(set) var sums: [MachineID: Contribution] = [:]

    package init() {}

    package mutating func add(_ some: Contribution) {
        sums[some.machine, default: Contribution(machine: some.machine, tasks: 0, seconds: 0, atMs: some.atMs)].tasks +=
            some.tasks
        sums[some.machine]!.seconds += some.seconds
        sums[some.machine]!.atMs = max(sums[some.machine]!.atMs, some.atMs)
    }
}
