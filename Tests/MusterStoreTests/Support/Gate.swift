import Glibc
import MusterStore
import Synchronization

/// Holds the writer's thread inside a completion until it is opened, so that what is queued meanwhile gathers.
final class Gate: @unchecked Sendable {  // a semaphore is made to be shared
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    init() { sem_init(semaphore, 0, 0) }
    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }
    func wait() { while sem_wait(semaphore) != 0 {} }
    func open() { sem_post(semaphore) }
}

/// Completions in the order in which they ran: what was committed, and the code it failed with.
final class Outcomes: Sendable {
    private let list = Mutex<[(Int, StoreError.Code?)]>([])

    func append(_ number: Int, _ result: Result<Void, StoreError>) {
        let code: StoreError.Code? = if case .failure(let error) = result { error.code } else { nil }
        list.withLock { $0.append((number, code)) }
    }

    var all: [(Int, StoreError.Code?)] { list.withLock { $0 } }
}
