/// Which run of which task a command is.
package struct TaskRunName: Hashable, Sendable {
    package var job: Int64
    package var task: Int
    package var attempt: Int
    /// When it was started, as its result says; 0: not yet. It tells two runs of one attempt apart.
    package var startMs: Int64 = 0

    package init(job: Int64, task: Int, attempt: Int) { (self.job, self.task, self.attempt) = (job, task, attempt) }
}

/// Takes what a command prints while it runs, for those who follow its job. Never blocks.
package protocol TaskOutputTap: Sendable {
    /// Whether anybody follows it just now. Else nothing needs to be handed over: what was kept is asked for by `catchUp` later.
    var isFollowed: Bool { get }
    /// Called once, before anything is taken.
    func started(atMs ms: Int64)
    /// Bytes that begin at this place of the stream. What was taken before is passed over.
    func take(_ bytes: UnsafeRawBufferPointer, at place: Int, isError: Bool)
}

extension TaskOutputTap {
    /// The first bytes of a stream, as far as they were not taken.
    package func catchUp(_ kept: [UInt8], isError: Bool) {
        guard isFollowed, !kept.isEmpty else { return }
        kept.withUnsafeBytes { take($0, at: 0, isError: isError) }
    }
}
