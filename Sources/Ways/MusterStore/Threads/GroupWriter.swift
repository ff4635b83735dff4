package import MusterCore
internal import MusterSystem

/// Bounds of a queue of groups. Each is at least 1.
package struct GroupLimits: Sendable {
    /// Groups that are queued or being committed; above it, more are refused.
    package var groupsMax = 16_384
    /// Bytes of those groups; a single larger group is taken when nothing else is queued.
    package var bytesMax = 64 * 1024 * 1024
    /// Bytes from which on no more groups join a transaction: bounds the log and the time of one commit.
    package var transactionBytesMax = 8 * 1024 * 1024

    package init() {}
}

/// What a `GroupWriter` writes with: one connection, which belongs to the writer's thread.
package protocol GroupSession: AnyObject, Sendable {
    /// Commits the groups, in their order, together where that can be: a result for each, and each is whole or not at all.
    func commit(_ groups: [[StoreWrite]]) -> [Result<Void, StoreError>]
    /// After the completions of what `commit` was called for.
    func reported()
    /// The last call.
    func close()
}

/// The thread that commits: whatever has gathered since the last commit goes into the next one. No timer.
///
/// Idle, a group is committed at once; under load one fsync carries many. Completions run on this thread, in order.
package final class GroupWriter: Sendable {
    package typealias Completion = @Sendable (Result<Void, StoreError>) -> Void

    private struct Group: Sendable {
        let writes: [StoreWrite]
        let bytes: Int
        let completion: Completion
    }

    private struct State {
        var waiting: [Group] = []
        /// Groups and bytes that are waiting or being committed.
        var groupsHeld = 0
        var bytesHeld = 0
        /// To be run behind the completions that run now.
        var behind: [@Sendable () -> Void] = []
        var isClosing = false
        var hasEnded = false
        var closed: [@Sendable () -> Void] = []

        mutating func takeBehind() -> [@Sendable () -> Void] {
            defer { behind = [] }
            return behind
        }
    }

    private let state = Monitor(State())
    private let limits: GroupLimits

    /// Throws `.io` when the system has no thread left.
    package init(_ session: any GroupSession, _ limits: GroupLimits) throws(StoreError) {
        self.limits = limits
        let state = state
        try startThread("store-writer") {
            while let batch = state.wait({ GroupWriter.take(&$0, limits) }) {
                let results = session.commit(batch.map(\.writes))
                // Room is made before the completions run: what they commit must find it.
                state.change(waking: .none) { state in
                    state.groupsHeld -= batch.count
                    for group in batch { state.bytesHeld -= group.bytes }
                }
                for (group, result) in zip(batch, results) { group.completion(result) }
                for body in state.change(waking: .none, { $0.takeBehind() }) { body() }
                session.reported()
            }
            session.close()
            let closed = state.change(waking: .none) { state -> [@Sendable () -> Void] in
                state.hasEnded = true
                defer { state.closed = [] }
                return state.closed
            }
            for done in closed { done() }
        }
    }

    deinit { close {} }

    package func commit(_ writes: [StoreWrite], _ completion: @escaping Completion) {
        let bytes = writes.reduce(0) { $0 + $1.bytesHeld }
        let refusal = state.change(waking: .one) { state -> StoreError? in
            if state.isClosing { return .closed }
            // A group larger than the bound is taken when it would be alone: else it could never be.
            let hasRoom = state.groupsHeld < limits.groupsMax && bytes <= limits.bytesMax - state.bytesHeld
            guard hasRoom || state.groupsHeld == 0 else { return overloaded(state) }
            state.waiting.append(Group(writes: writes, bytes: bytes, completion: completion))
            state.groupsHeld += 1
            state.bytesHeld += bytes
            return nil
        }
        // The caller may hold a lock that the completion takes: never call it from here.
        if let refusal { Task { completion(.failure(refusal)) } }
    }

    package func afterCompletions(_ body: @escaping @Sendable () -> Void) {
        state.change(waking: .none) { $0.behind.append(body) }
    }

    /// Commits what is queued and ends the thread; `done` runs on it, or at once when it had ended before.
    package func close(_ done: @escaping @Sendable () -> Void) {
        let hasEnded = state.change(waking: .all) { state in
            state.isClosing = true
            if !state.hasEnded { state.closed.append(done) }
            return state.hasEnded
        }
        if hasEnded { done() }
    }

    /// As much as one transaction should hold, at least one group. Nil: nothing yet. A nil inside: closing, nothing is left.
    private static func take(_ state: inout State, _ limits: GroupLimits) -> [Group]?? {
        guard !state.waiting.isEmpty else { return state.isClosing ? .some(nil) : nil }
        var bytes = 0
        let end =
            state.waiting.firstIndex {
                bytes += $0.bytes
                return bytes > limits.transactionBytesMax
            } ?? state.waiting.count
        let batch = Array(state.waiting[..<max(1, end)])
        state.waiting.removeFirst(batch.count)
        return batch
    }

    private func overloaded(_ state: State) -> StoreError {
        StoreError(
            .overloaded,
            "the store's queue is full (\(state.groupsHeld) groups of at most \(limits.groupsMax), \(state.bytesHeld) bytes of "
                + "at most \(limits.bytesMax)): wait for some to be committed, then send it again", isRetryable: true)
    }
}

extension ResultRecord {
    fileprivate var bytesHeld: Int {
        let body =
            switch outcome {
            case .values(let lines): lines.count
            case .failure(let reason): reason.utf8.count
            }
        return 256 + body + secondsLines.count + (output?.count ?? 0) + worker.utf8.count
    }
}

extension StoreWrite {
    /// What the write occupies while it is queued, roughly: its bytes and texts, and 256 for the rest.
    var bytesHeld: Int {
        switch self {
        case .createJob(let job): 256 + job.params.count + job.kernel.utf8.count
        case .addInputs(let record): 256 + record.lines.count
        case .addResults(let record): record.bytesHeld
        // A row for each task.
        case .addVotes(let vote): vote.result.bytesHeld + 64 * vote.result.count
        case .noteBegun(let tasks): 64 * (1 + tasks.count)
        case .removeVotes, .removeVotesOf, .contributed, .saveStanding, .dropBegun: 64
        case .sawMachine(let machine): 256 + machine.name.utf8.count + machine.version.utf8.count
        case .saveToken(let token): 256 + token.label.utf8.count
        case .endJob, .reopenJob, .releaseJob, .forgetJob, .removeLeftovers, .removeMember: 256
        case .explainJob(_, let reason): 256 + reason.utf8.count
        case .saveMember(let member):
            member.labels.reduce(256 + member.name.utf8.count + member.address.utf8.count) {
                $0 + $1.key.utf8.count + $1.value.utf8.count
            }
        case .saveChild(let child): 256 + (child.key?.utf8.count ?? 0) + child.reason.utf8.count
        case .addNumbers(let batch): 256 + batch.serialized.count
        case .compactNumbers(let snapshot, _): 256 + snapshot.count
        case .saveCommand(let command): 256 + command.text.utf8.count + 8 * command.recipients.count
        case .endCommand(let end): 128 + 24 * end.exceptions.count
        case .saveCursors(let cursors): 64 + 16 * cursors.count
        case .saveExceptions, .forgetProgress: 64
        case .setMeta(let key, let value): 256 + key.utf8.count + value.count
        }
    }
}
