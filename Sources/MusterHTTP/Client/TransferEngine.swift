internal import CCurl
internal import Glibc
internal import Synchronization

/// The client's thread: runs libcurl's multi handle, takes commands, tells outcomes.
///
/// `@unchecked Sendable`: `inbox` guards what other threads touch; everything else belongs to the engine's thread.
final class TransferEngine: @unchecked Sendable {
    private enum Command {
        case start(Transfer)
        case cancel(Transfer)
        case resumeReceiving(Transfer)
        case resumeSending(Transfer)
    }

    /// Bounded by `exchangesMax`: each transfer has at most one command of each kind waiting.
    private struct Inbox {
        var commands: [Command] = []
        var exchanges = 0
        var isClosed = false
        /// The multi handle is gone: waking it would touch freed memory.
        var isEnded = false
    }

    private let configuration: HTTPClient.Configuration
    private let inbox = Mutex(Inbox())
    private let multi: UnsafeMutableRawPointer
    /// What libcurl has in its hands; this table is what keeps each of them alive.
    private var running: [ObjectIdentifier: Transfer] = [:]
    private var idleHandles: [EasyHandle] = []
    private var nextIdleCheck: ContinuousClock.Instant?

    private static let idleHandlesMax = 64
    private static let isLibraryReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init(_ configuration: HTTPClient.Configuration) {
        precondition(TransferEngine.isLibraryReady, "curl_global_init failed")
        guard let multi = curl_multi_init() else { fatalError("curl_multi_init failed: out of memory or descriptors") }
        self.configuration = configuration
        self.multi = multi
        muster_curl_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, configuration.connectionsPerHostMax)
        muster_curl_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, configuration.connectionsMax)
        muster_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, configuration.connectionsMax)
        muster_curl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
    }

    // MARK: From any thread

    func submit(_ transfer: Transfer) {
        if let defect = transfer.request.defect { return refuse(transfer, defect) }
        let limit = configuration.exchangesMax
        let refusal: HTTPClientError? = inbox.withLock { inbox in
            if inbox.isClosed { return transfer.error(.cancelled, "the client is closed") }
            guard inbox.exchanges < limit else {
                return transfer.error(
                    .other, "\(limit) exchanges are outstanding, the client's limit; send it later", isRetryable: true)
            }
            inbox.exchanges += 1
            add(.start(transfer), to: &inbox)
            return nil
        }
        if let refusal { refuse(transfer, refusal) }
    }

    /// Never inside the call: whoever submits may hold a lock that its completion takes.
    private func refuse(_ transfer: Transfer, _ refusal: HTTPClientError) {
        Task { transfer.finish(refusal) }
    }

    func cancel(_ transfer: Transfer) {
        guard !transfer.isCancelled.exchange(true, ordering: .acquiringAndReleasing) else { return }
        inbox.withLock { add(.cancel(transfer), to: &$0) }
    }

    func resumeReceiving(_ transfer: Transfer) { inbox.withLock { add(.resumeReceiving(transfer), to: &$0) } }

    func resumeSending(_ transfer: Transfer) { inbox.withLock { add(.resumeSending(transfer), to: &$0) } }

    func close() {
        inbox.withLock { inbox in
            guard !inbox.isClosed else { return }
            inbox.isClosed = true
            curl_multi_wakeup(multi)
        }
    }

    private func add(_ command: Command, to inbox: inout Inbox) {
        guard !inbox.isEnded else { return }
        // One wake-up serves all commands that arrive until the thread has taken them.
        let isFirst = inbox.commands.isEmpty
        inbox.commands.append(command)
        if isFirst { curl_multi_wakeup(multi) }
    }

    // MARK: On the engine's thread

    func start() { startThread { self.run() } }

    private func run() {
        while let commands = takeCommands() {
            for command in commands { perform(command) }
            var count: CInt = 0
            curl_multi_perform(multi, &count)
            collectFinished()
            expireIdle()
            curl_multi_poll(multi, nil, 0, pollMilliseconds(), nil)
        }
        end()
    }

    /// Nil: closed.
    private func takeCommands() -> [Command]? {
        inbox.withLock { inbox in
            guard !inbox.isClosed else { return nil }
            guard !inbox.commands.isEmpty else { return [] }
            let commands = inbox.commands
            inbox.commands = []
            return commands
        }
    }

    private func perform(_ command: Command) {
        switch command {
        case .start(let transfer): begin(transfer)
        case .cancel(let transfer):
            if transfer.easy != nil { end(transfer, transfer.error(.cancelled, "cancelled")) }
        case .resumeReceiving(let transfer):
            transfer.isReceivingPaused = false
            unpause(transfer)
        case .resumeSending(let transfer):
            transfer.isSendingPaused = false
            unpause(transfer)
        }
    }

    private func unpause(_ transfer: Transfer) {
        guard let easy = transfer.easy else { return }
        transfer.lastActivity = .now
        watchIdle(transfer)
        // May call the read and write callbacks before it returns, which may pause again: the flags are theirs from here on.
        let still = (transfer.isReceivingPaused ? CURLPAUSE_RECV : 0) | (transfer.isSendingPaused ? CURLPAUSE_SEND : 0)
        curl_easy_pause(easy.pointer, still)
    }

    private func begin(_ transfer: Transfer) {
        guard !transfer.isCancelled.load(ordering: .acquiring) else {
            return end(transfer, transfer.error(.cancelled, "cancelled"))
        }
        let easy = idleHandles.popLast() ?? EasyHandle()
        transfer.easy = easy
        transfer.lastActivity = .now
        do throws(HTTPClientError) {
            try easy.prepare(transfer, configuration)
        } catch {
            return end(transfer, error)
        }
        running[ObjectIdentifier(transfer)] = transfer
        watchIdle(transfer)
        (transfer.upload as? ProducedUpload)?.start { [weak self, weak transfer] in
            if let transfer { self?.resumeSending(transfer) }
        }
        let code = curl_multi_add_handle(multi, easy.pointer)
        guard code == CURLM_OK else {
            return end(transfer, transfer.error(.other, String(cString: curl_multi_strerror(code))))
        }
    }

    private func collectFinished() {
        var waiting: CInt = 0
        while let message = curl_multi_info_read(multi, &waiting) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            // Ending the transfer frees the message.
            let code = message.pointee.data.result
            var box: UnsafeMutableRawPointer?
            muster_curl_get_pointer(easy, CURLINFO_PRIVATE, &box)
            guard let box else { continue }
            let transfer = Unmanaged<Transfer>.fromOpaque(box).takeUnretainedValue()
            end(transfer, transfer.failure ?? failure(of: transfer, code))
        }
    }

    private func failure(of transfer: Transfer, _ code: CURLcode) -> HTTPClientError? {
        guard code != CURLE_OK else { return nil }
        let what = transfer.easy?.message(of: code) ?? String(cString: curl_easy_strerror(code))
        return HTTPClientError(code, what, request: transfer.request)
    }

    /// The only way out of a transfer: what it held is given back before its outcome is told.
    private func end(_ transfer: Transfer, _ error: HTTPClientError?) {
        running[ObjectIdentifier(transfer)] = nil
        if let easy = transfer.easy {
            transfer.easy = nil
            curl_multi_remove_handle(multi, easy.pointer)
            easy.reset()
            if idleHandles.count < TransferEngine.idleHandlesMax { idleHandles.append(easy) }
        }
        curl_slist_free_all(transfer.headerList)
        transfer.headerList = nil
        transfer.upload?.close()
        transfer.upload = nil
        inbox.withLock { $0.exchanges -= 1 }
        transfer.finish(error)
    }

    private func end() {
        for transfer in Array(running.values) { end(transfer, transfer.error(.cancelled, "the client was closed")) }
        let commands = inbox.withLock { inbox in
            inbox.isEnded = true
            defer { inbox.commands = [] }
            return inbox.commands
        }
        for case .start(let transfer) in commands { end(transfer, transfer.error(.cancelled, "the client was closed")) }
        idleHandles = []
        curl_multi_cleanup(multi)
    }

    // MARK: Silence

    private func watchIdle(_ transfer: Transfer) {
        guard let deadline = transfer.idleDeadline else { return }
        nextIdleCheck = nextIdleCheck.map { min($0, deadline) } ?? deadline
    }

    /// Activity only moves deadlines back, so looking at all of them when the earliest known one has come is enough.
    private func expireIdle() {
        guard let check = nextIdleCheck else { return }
        let now = ContinuousClock.now
        guard now >= check else { return }
        nextIdleCheck = nil
        for transfer in Array(running.values) {
            guard let deadline = transfer.idleDeadline, let idle = transfer.request.idleTimeout else { continue }
            if now >= deadline {
                end(transfer, transfer.error(.timeout, "no byte moved for \(idle)"))
            } else {
                watchIdle(transfer)
            }
        }
    }

    /// At most a minute: libcurl shortens it to its own next timer.
    private func pollMilliseconds() -> CInt {
        guard let check = nextIdleCheck else { return 60_000 }
        let (seconds, attoseconds) = (check - .now).components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return CInt(min(seconds, 59) * 1000 + attoseconds / 1_000_000_000_000_000 + 1)
    }
}

/// A detached thread that takes no signals (they belong to the program's own threads), save those that report its own faults.
func startThread(_ body: @escaping @Sendable () -> Void) {
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    for fault in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS] { sigdelset(&all, fault) }
    pthread_sigmask(SIG_BLOCK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    let box = Unmanaged.passRetained(ThreadBody(body))
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { box in
            let body = Unmanaged<ThreadBody>.fromOpaque(box!).takeRetainedValue()
            body.run()
            return nil
        }, box.toOpaque())
    precondition(code == 0, "no thread for the HTTP client: \(String(cString: strerror(code)))")
    pthread_detach(thread)
}

private final class ThreadBody {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
