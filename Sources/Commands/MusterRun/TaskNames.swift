/// How people know a job's tasks: by their numbers, which count from 1 on, and by their values where these are known.
package struct TaskNames: Sendable {
    private let body: JobBody?
    /// Numbers that earlier runs of the same have had.
    private let numbersBefore: Int

    /// `body` nil: the values are not known here.
    package init(_ body: JobBody?, numbersBefore: Int = 0) { (self.body, self.numbersBefore) = (body, numbersBefore) }

    package var areKnown: Bool { body != nil }

    package func number(of task: Int) -> Int { numbersBefore + task + 1 }

    package func values(of task: Int) -> [[UInt8]] {
        guard let body, task < body.count else { return [] }
        return body.values(of: task)
    }

    /// What stands before its lines: its values, or its number where these are not known.
    package func tag(of task: Int) -> [[UInt8]] {
        areKnown ? values(of: task) : [Array("\(number(of: task))".utf8)]
    }

    package func name(of task: Int) -> String { RunReport.name(number: number(of: task), values: values(of: task)) }
}
