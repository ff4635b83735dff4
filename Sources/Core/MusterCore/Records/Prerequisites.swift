/// Jobs that another one waits for. Each has a smaller number than it, so nobody waits in a circle.
package struct Prerequisites: Hashable, Sendable {
    /// Waited for until they are done. Where one of them fails, or is cancelled, the job that waits for it is cancelled.
    package var done: [JobID]
    /// Waited for until they have ended, however that is.
    package var ended: [JobID]

    package init(done: [JobID] = [], ended: [JobID] = []) { (self.done, self.ended) = (done, ended) }

    package var isEmpty: Bool { done.isEmpty && ended.isEmpty }
    package var all: [JobID] { done + ended }

    /// Each job once; one whose success is waited for not among the others.
    package var withoutRepeats: Prerequisites {
        var seen: Set<JobID> = []
        let done = done.filter { seen.insert($0).inserted }
        return Prerequisites(done: done, ended: ended.filter { seen.insert($0).inserted })
    }

    /// As it is stored: numbers with commas between, a semicolon between the two kinds.
    package var text: String {
        [done, ended].map { $0.map(\.description).joined(separator: ",") }.joined(separator: ";")
    }

    /// Nil for what is no such text.
    package init?(text: String) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        var lists: [[JobID]] = []
        for part in parts {
            let numbers = part.split(separator: ",").map { Int64($0) }
            guard numbers.allSatisfy({ $0.map { $0 > 0 } ?? false }) else { return nil }
            lists.append(numbers.map { JobID($0!) })
        }
        self.init(done: lists[0], ended: lists[1])
    }
}
