internal import MusterCommandLine

/// How many tasks ended how, and the first that failed.
package struct RunReport: Hashable, Sendable {
    /// Failures that are named.
    static let namedMax = 5

    package private(set) var succeeded = 0
    package private(set) var failed = 0
    /// Those of them of which only what they returned did not come.
    private var lost = 0
    /// Of those that failed so far the first in the order of values.
    private var named: [Named] = []

    private struct Named: Hashable {
        var task: Int
        var text: String
    }

    package init() {}

    package var ended: Int { succeeded + failed }

    /// `name`: what people know the task by.
    package mutating func add(_ end: TaskEnd, name: @autoclosure () -> String) {
        guard let reason = end.reason else {
            succeeded += 1
            return
        }
        failed += 1
        if end.hasLostFiles { lost += 1 }
        guard named.count < Self.namedMax || end.task < named[named.count - 1].task else { return }
        let place = named.firstIndex { end.task < $0.task } ?? named.count
        named.insert(Named(task: end.task, text: "\(name()): \(Self.short(reason))"), at: place)
        if named.count > Self.namedMax { named.removeLast() }
    }

    /// How many failed, and how, of so many; empty: none did.
    package func counts(of total: Int) -> String {
        let total = Format.count(total)
        var parts: [String] = []
        if failed > lost { parts.append("\(Format.count(failed - lost)) of \(total) tasks failed") }
        if lost > 0 { parts.append("what \(Format.count(lost)) of \(total) tasks returned did not come") }
        return parts.joined(separator: ", ")
    }

    /// Lines that name the first that failed.
    package var lines: [String] {
        let more = failed - named.count
        return named.map { "failed: \($0.text)" } + (more > 0 ? ["… and \(Format.count(more)) more"] : [])
    }

    private static func short(_ text: String) -> String {
        text.count > 200 ? text.prefix(200) + "…" : text
    }

    /// A task as people know it: by its value, or by its number.
    package static func name(number: Int, values: [[UInt8]]) -> String {
        guard !values.isEmpty else { return "task \(number)" }
        let text = String(decoding: Array(values.joined(separator: [0x20])), as: UTF8.self)
        return CommandError.quoted(text)
    }
}
