internal import MusterSystem

/// A few threads, each with a session of its own, that work off one bounded queue.
package final class Lanes<Session: LaneSession>: Sendable {
    package typealias Work = @Sendable (Session) -> Void

    private struct State {
        var waiting: [Work] = []
        /// Index of the first of `waiting` that is not taken yet.
        var head = 0
        var lanes: Int
        var isClosing = false
        var closed: [@Sendable () -> Void] = []
    }

    private let state: Monitor<State>
    private let waitingMax: Int

    /// Starts a thread for each session. Above `waitingMax` waiting pieces of work, more is refused.
    package init(_ name: String, sessions: [Session], waitingMax: Int) throws(StoreError) {
        state = Monitor(State(lanes: sessions.count))
        self.waitingMax = waitingMax
        for session in sessions {
            let state = state
            try startThread(name) { Lanes.run(session, state) }
        }
    }

    deinit { close {} }

    package enum Submission { case accepted, overloaded, closed }

    package func submit(_ work: @escaping Work) -> Submission {
        state.change(waking: .one) { state in
            if state.isClosing { return .closed }
            if state.waiting.count - state.head >= waitingMax { return .overloaded }
            state.waiting.append(work)
            return .accepted
        }
    }

    /// Lets the lanes finish what is queued and end; `done` runs on the last one, or at once when all had ended before.
    package func close(_ done: @escaping @Sendable () -> Void) {
        let ended = state.change(waking: .all) { state in
            state.isClosing = true
            if state.lanes > 0 { state.closed.append(done) }
            return state.lanes == 0
        }
        if ended { done() }
    }

    private static func run(_ session: Session, _ state: Monitor<State>) {
        while let work = state.wait(next) { work(session) }
        session.close()
        let closed = state.change(waking: .none) { state -> [@Sendable () -> Void] in
            state.lanes -= 1
            guard state.lanes == 0 else { return [] }
            defer { state.closed = [] }
            return state.closed
        }
        for done in closed { done() }
    }

    /// Nil: nothing yet. A nil inside: closing, and nothing is left.
    private static func next(_ state: inout State) -> Work?? {
        guard state.head < state.waiting.count else { return state.isClosing ? .some(nil) : nil }
        let work = state.waiting[state.head]
        state.head += 1
        // Moving the rest down only when half is used up keeps taking cheap.
        if state.head * 2 >= state.waiting.count {
            state.waiting.removeFirst(state.head)
            state.head = 0
        }
        return work
    }
}

/// What a lane's thread works with; only that thread touches it.
package protocol LaneSession: AnyObject, Sendable {
    /// The last call.
    func close()
}
