internal import Glibc

/// A lock that threads can wait in for a change of what it guards, which `Synchronization.Mutex` does not offer.
package final class Monitor<State>: @unchecked Sendable {  // `state` is touched only while `mutex` is held
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State

    package init(_ state: sending State) {
        self.state = state
        precondition(pthread_mutex_init(mutex, nil) == 0, "no memory for a lock")
        precondition(pthread_cond_init(condition, nil) == 0, "no memory for a condition")
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` alone, then wakes one waiting thread, or all, if `body` says so through `wake`.
    package func change<Answer>(waking wake: Wake, _ body: (inout State) -> Answer) -> Answer {
        pthread_mutex_lock(mutex)
        let answer = body(&state)
        pthread_mutex_unlock(mutex)
        switch wake {
        case .none: break
        case .one: pthread_cond_signal(condition)
        case .all: pthread_cond_broadcast(condition)
        }
        return answer
    }

    /// Blocks the thread until `body` answers something; it is asked again after each wake-up.
    package func wait<Answer>(_ body: (inout State) -> Answer?) -> Answer {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let answer = body(&state) { return answer }
            pthread_cond_wait(condition, mutex)
        }
    }

    package enum Wake { case none, one, all }
}
