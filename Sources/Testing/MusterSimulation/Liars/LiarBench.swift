internal import MusterCore

/// The figures about liars, each with what it must not exceed.
package enum LiarBench {
    package struct Line: Sendable {
        package var name: String
        package var outcome: LiarFleet.Outcome
        /// What is wrong with the figures; nil: they are as they should be, or nothing was promised of them.
        package var complaint: String?
    }

    /// Largest share of wrong results that may be accepted after each machine's first 100 tasks, where volunteers are
    /// believed by their record.
    static let wrongLateMax = 0.001

    package static func run(seed: UInt64, tasks: Int = 10_000) -> [Line] {
        [
            line("independent liars, quorum 2/3", .independent, Quorum("2/3"), seed, tasks) {
                $0.wrong > 0 ? "\($0.wrong) wrong results were accepted" : nil
            },
            line("colluding liars, quorum 2/3", .colluding, Quorum("2/3"), seed, tasks) { _ in nil },
            line("independent liars, reliability and spot checks", .independent, nil, seed, tasks, late),
            line("colluding liars, reliability and spot checks", .colluding, nil, seed, tasks, late),
            line("liars that wait 100 tasks, reliability and spot checks", .patient, nil, seed, tasks) { _ in nil },
            line("honest machines, reliability and spot checks", .colluding, nil, seed, tasks, liars: 0) {
                $0.wrong > 0 || $0.honestOut > 0 ? "honest machines were taken for liars" : nil
            },
        ]
    }

    private static func late(_ outcome: LiarFleet.Outcome) -> String? {
        outcome.wrongLateShare > wrongLateMax ? "\(outcome.wrongLate) wrong results were accepted late" : nil
    }

    private static func line(
        _ name: String, _ lie: LiarFleet.Lie, _ quorum: Quorum?, _ seed: UInt64, _ tasks: Int, liars: Int = 10,
        _ complain: (LiarFleet.Outcome) -> String?
    ) -> Line {
        var plan = LiarFleet.Plan()
        (plan.lie, plan.quorum, plan.tasks, plan.liars) = (lie, quorum, tasks, liars)
        let outcome = LiarFleet.run(plan, seed: seed)
        let complaint = outcome.isOver ? complain(outcome) : "the job never ended"
        return Line(name: name, outcome: outcome, complaint: complaint)
    }
}
