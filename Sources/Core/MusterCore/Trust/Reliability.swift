/// How far each volunteer's machine is believed, from how its results compared with those of others.
///
/// The design is BOINC's adaptive replication (https://boinc.berkeley.edu/trac/wiki/AdaptiveReplication): a machine is not
/// believed until so many results in a row were confirmed, then each result is checked with a probability of one in that
/// many. The estimate of its errors is of the same design's first version: it takes long to earn a good name and short to
/// lose it. Two things are added: the probability has a floor, and past a limit the machine is out for good.
package struct Reliability: Sendable {
    package struct Settings: Hashable, Sendable {
        /// Confirmed results in a row after which a machine is believed. BOINC: 10.
        package var provenAfter = 10
        /// A believed machine's result is checked with this probability at least.
        package var checkMin = 0.01
        /// What the estimate of errors begins with, its factor for a confirmed result, what a refuted one adds.
        package var errorsAtFirst = 0.1
        package var confirmedFactor = 0.95
        package var refutedAddend = 0.1
        /// A machine is out when its estimate is above: with these numbers, by the third mistake of a new machine, and by the
        /// fourth in a row of one with a long good past.
        package var errorsMax = 0.35

        package init() {}
    }

    /// What is known of one machine.
    package struct Standing: Hashable, Sendable {
        /// Results that others confirmed, and that others refuted.
        package var confirmed = 0
        package var refuted = 0
        /// Confirmed ones since the last that was refuted.
        package var streak = 0
        /// 0…; the estimate of its errors.
        package var errors: Double
        package var isOut = false

        package init(errors: Double = Settings().errorsAtFirst) { self.errors = errors }
    }

    package let settings: Settings
    package private(set) var standings: [MachineID: Standing] = [:]

    package init(settings: Settings = Settings()) { self.settings = settings }

    package subscript(machine: MachineID) -> Standing { standings[machine] ?? Standing(errors: settings.errorsAtFirst) }

    /// As an earlier process left it.
    package mutating func restore(_ standing: Standing, of machine: MachineID) { standings[machine] = standing }

    package func isOut(_ machine: MachineID) -> Bool { standings[machine]?.isOut ?? false }
    package func isProven(_ machine: MachineID) -> Bool { self[machine].streak >= settings.provenAfter }

    /// The share of this machine's results that are to be confirmed by another. 0…1.
    package func checkProbability(of machine: MachineID) -> Double {
        let standing = self[machine]
        guard standing.streak >= settings.provenAfter else { return 1 }
        return max(settings.checkMin, 1 / Double(max(1, standing.streak)))
    }

    /// So many of its results turned out right.
    package mutating func confirmed(_ machine: MachineID, results: Int = 1) {
        var standing = self[machine]
        standing.confirmed += results
        standing.streak += results
        // Beyond these the estimate is as good as nothing.
        for _ in 0..<min(results, 256) { standing.errors *= settings.confirmedFactor }
        standings[machine] = standing
    }

    /// So many that were decided together turned out wrong: one mistake, be it in a batch of one or of thousands, so that an
    /// honest machine that met a majority of liars once is not out by that. True when this put the machine out.
    package mutating func refuted(_ machine: MachineID, results: Int = 1) -> Bool {
        var standing = self[machine]
        standing.refuted += results
        standing.streak = 0
        standing.errors += settings.refutedAddend
        let goes = !standing.isOut && standing.errors > settings.errorsMax
        if goes { standing.isOut = true }
        standings[machine] = standing
        return goes
    }

    /// Out by a decision of people: its token was revoked.
    package mutating func bar(_ machine: MachineID) {
        var standing = self[machine]
        standing.isOut = true
        standings[machine] = standing
    }
}
