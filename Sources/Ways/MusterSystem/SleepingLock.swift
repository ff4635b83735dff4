internal import Glibc

/// A lock whose waiters sleep at once, for what is held for long: tens of microseconds.
///
/// `Synchronization.Mutex` lets them turn before they sleep, and hands itself over to the first of them when it is given back: where many
/// threads want one lock most of the time, that was 9 % of the coordinator's processor time. Here whoever comes first takes it.
///
/// `@unchecked Sendable`: `state` is touched only while `mutex` is held.
package final class SleepingLock<State: ~Copyable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var state: State

    package init(_ state: consuming sending State) {
        self.state = state
        var kind = pthread_mutexattr_t()
        pthread_mutexattr_init(&kind)
        defer { pthread_mutexattr_destroy(&kind) }
        pthread_mutexattr_settype(&kind, Int32(PTHREAD_MUTEX_ERRORCHECK))
        precondition(pthread_mutex_init(mutex, &kind) == 0, "no memory for a lock")
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Ends the process if the thread has the lock already: it would wait for itself.
    package func withLock<Answer, Failure>(
        _ body: (inout State) throws(Failure) -> sending Answer
    ) throws(Failure) -> sending Answer {
        precondition(pthread_mutex_lock(mutex) == 0, "a lock was taken by the thread that has it")
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }
}
