internal import CCurl
internal import Glibc
internal import MusterSystem
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
        /// The thread takes no more commands.
        var isEnded = false
    }

    let configuration: HTTPClient.Configuration
    private let inbox = Mutex(Inbox())
    private let multi: UnsafeMutableRawPointer
    private let poller = SocketPoller()
    /// When libcurl wants to look at its timers; nil: it has none.
    private var timer: ContinuousClock.Instant?
    /// What libcurl has in its hands; this table is what keeps each of them alive.
    private var running: [ObjectIdentifier: Transfer] = [:]
    private var idleHandles: [EasyHandle] = []
    private var nextDeadline: ContinuousClock.Instant?

    private static let idleHandlesMax = 64
    static let isLibraryReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

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
            poller.wake()
        }
    }

    private func add(_ command: Command, to inbox: inout Inbox) {
        guard !inbox.isEnded else { return }
        // One wake-up serves all commands that arrive until the thread has taken them.
        let isFirst = inbox.commands.isEmpty
        inbox.commands.append(command)
        if isFirst { poller.wake() }
    }

    // MARK: On the engine's thread

    func start() {
        let failure = startThread { self.run() }
        precondition(failure == 0, "no thread for the HTTP client: \(String(cString: strerror(failure)))")
    }

    private func run() {
        watchSockets()
        while performCommands() {
            runTimer()
            collectFinished()
            expire()
            serveSockets(milliseconds: pollMilliseconds())
        }
        shutDown()
    }

    private func serveSockets(milliseconds: CInt) {
        poller.wait(milliseconds: milliseconds) { socket, events in
            var count: CInt = 0
            curl_multi_socket_action(multi, socket, events, &count)
        }
    }

    /// libcurl says which sockets and which moment it waits for, so an event costs the same whatever else is open: its own
    /// curl_multi_poll looks at every transfer each time (1000 held long polls made each request 1 ms slower).
    private func watchSockets() {
        let box = Unmanaged.passUnretained(self).toOpaque()
        muster_curl_multi_on_socket(
            multi,
            { _, socket, interest, box, known in
                let engine = Unmanaged<TransferEngine>.fromOpaque(box!).takeUnretainedValue()
                let isNew = engine.poller.watch(socket, interest, isKnown: known != nil)
                // Any pointer but null marks the socket as known to the poller.
                if isNew { curl_multi_assign(engine.multi, socket, box) }
                return 0
            }, box)
        muster_curl_multi_on_timer(
            multi,
            { _, milliseconds, box in
                let engine = Unmanaged<TransferEngine>.fromOpaque(box!).takeUnretainedValue()
                engine.timer = milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
                return 0
            }, box)
    }

    private func runTimer() {
        guard let due = timer, .now >= due else { return }
        // Before the call, in which libcurl may set the next one.
        timer = nil
        var count: CInt = 0
        curl_multi_socket_action(multi, curl_socket_t(-1), 0, &count)
    }

    /// False: closed. The commands are out of scope before the thread waits: they hold transfers that may have ended.
    private func performCommands() -> Bool {
        let commands: [Command]? = inbox.withLock { inbox in
            guard !inbox.isClosed else { return nil }
            defer { inbox.commands = [] }
            return inbox.commands
        }
        guard let commands else { return false }
        for command in commands { perform(command) }
        return true
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
        watchDeadline(transfer)
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
        transfer.begun = .now
        transfer.lastActivity = transfer.begun
        do throws(HTTPClientError) {
            try easy.prepare(transfer, configuration)
        } catch {
            return end(transfer, error)
        }
        running[ObjectIdentifier(transfer)] = transfer
        watchDeadline(transfer)
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
        guard let easy = transfer.easy else { return transfer.error(.other, String(cString: curl_easy_strerror(code))) }
        return easy.failure(of: transfer, code, configuration)
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

    private func shutDown() {
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

    // MARK: Deadlines

    private func watchDeadline(_ transfer: Transfer) {
        guard let deadline = transfer.deadline?.instant else { return }
        nextDeadline = nextDeadline.map { min($0, deadline) } ?? deadline
    }

    /// Activity only moves deadlines back, so looking at all of them when the earliest known one has come is enough; no more often
    /// than every 5 ms, or many deadlines close together would each cost a look at all.
    private func expire() {
        guard let check = nextDeadline, .now >= check else { return }
        // A receiver may have kept this thread for long: what came meanwhile counts.
        serveSockets(milliseconds: 0)
        collectFinished()
        let now = ContinuousClock.now
        nextDeadline = nil
        for transfer in Array(running.values) {
            guard let (deadline, what) = transfer.deadline else { continue }
            if now >= deadline { end(transfer, transfer.error(.timeout, what)) } else { watchDeadline(transfer) }
        }
        nextDeadline = nextDeadline.map { max($0, now + .milliseconds(5)) }
    }

    /// Until the next timer, a minute at most; rounded up, as waking early would only mean waiting again.
    private func pollMilliseconds() -> CInt {
        guard let next = [nextDeadline, timer].compactMap({ $0 }).min() else { return 60_000 }
        let (seconds, attoseconds) = (next - .now).components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return CInt(min(seconds, 59) * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
