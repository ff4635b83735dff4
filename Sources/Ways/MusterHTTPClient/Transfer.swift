internal import CCurl
internal import HTTPText
internal import MusterCore
internal import Synchronization

/// One exchange, from submission to its one outcome.
///
/// The engine's table holds the only reference that keeps it alive for libcurl, whose callbacks get it unretained.
/// `@unchecked Sendable`: `isCancelled` is atomic; `outcome` is written before submission, which the engine's lock publishes; all
/// other variables belong to the engine's thread.
final class Transfer: @unchecked Sendable {
    enum Outcome {
        case whole(@Sendable (Result<HTTPClientResponse, HTTPClientError>) -> Void)
        case stream(StreamBuffer)
        case received(any BodyReceiver, @Sendable (Result<Void, HTTPClientError>) -> Void)
    }

    let request: HTTPClientRequest
    let isCancelled = Atomic(false)
    var outcome: Outcome?

    var easy: EasyHandle?
    var headerList: UnsafeMutablePointer<curl_slist>?
    var upload: (any UploadSource)?
    /// Set by a callback before it makes libcurl give up; says more than libcurl's code.
    var failure: HTTPClientError?
    /// Of the client's configuration.
    var mayConnect: (@Sendable (IPAddress) -> Bool)?
    var isReceivingPaused = false
    var isSendingPaused = false
    var begun = ContinuousClock.now
    var lastActivity = ContinuousClock.now

    private var head = ResponseHead()
    private var body: [UInt8] = []
    /// Whether this attempt at sending had an answer, if only a line of one.
    private var hasAnswer = false
    private var hasBody = false
    private var attempts = 0
    private var isHeadGiven = false

    init(_ request: HTTPClientRequest) { self.request = request }

    func error(_ code: HTTPClientError.Code, _ what: String, isRetryable: Bool? = nil) -> HTTPClientError {
        HTTPClientError(code, what, request: request, isRetryable: isRetryable)
    }

    /// When the engine must end this for its silence, and what it then says. Nil: libcurl's own timers are enough.
    var deadline: (instant: ContinuousClock.Instant, what: String)? {
        if attempts == 0, let timeout = request.timeout {
            // libcurl forgets the timeout of a transfer that waits for a connection.
            return (begun + timeout, "no connection within \(timeout)")
        }
        // Paused by this side is not the server's silence.
        guard let idle = request.idleTimeout, !isReceivingPaused, !isSendingPaused else { return nil }
        return (lastActivity + idle, "no byte moved for \(idle)")
    }

    func noteActivity() {
        if request.idleTimeout != nil { lastActivity = .now }
    }

    /// Before the request is sent, and again when libcurl repeats it on a new connection. False: it must not be.
    func mayBegin() -> Bool {
        attempts += 1
        defer { hasAnswer = false }
        guard attempts > 1, !hasAnswer, !request.resends else { return true }
        failure = error(.broken, "the kept-alive connection ended before an answer; the server may have acted on it")
        return false
    }

    /// False: give up, `failure` is set.
    func receiveHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        noteActivity()
        hasAnswer = true
        // Trailers, of whatever look.
        guard !hasBody else { return true }
        switch head.take(line) {
        case .more: return true
        case .complete:
            // After 417 libcurl may repeat the request without its `Expect`: this is the answer only once a body or the end says so.
            return head.status == 417 || giveHead()
        case .tooLarge:
            failure = error(
                .tooLarge, "its headers go past \(ResponseHead.bytesMax) bytes or \(ResponseHead.linesMax) lines")
            return false
        }
    }

    enum Reception { case taken, pause, abort }

    func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Reception {
        noteActivity()
        hasBody = true
        guard giveHead() else { return .abort }
        switch outcome {
        case .stream(let buffer):
            isReceivingPaused = !buffer.append(bytes)
            return isReceivingPaused ? .pause : .taken
        case .received(let receiver, _):
            // Time that it took on this side is not the server's silence.
            defer { noteActivity() }
            return isGoingOn(receiver.take(bytes)) ? .taken : .abort
        case .whole, nil: return gather(bytes)
        }
    }

    private func gather(_ bytes: UnsafeRawBufferPointer) -> Reception {
        guard bytes.count <= request.responseBytesMax - body.count else {
            failure = error(.tooLarge, "the response goes past \(request.responseBytesMax) bytes")
            return .abort
        }
        if body.isEmpty { body.reserveCapacity(min(announcedBytes ?? 0, request.responseBytesMax, 1 << 20)) }
        body.append(contentsOf: bytes)
        return .taken
    }

    private var announcedBytes: Int? { head.headers.first(named: "Content-Length").flatMap { Int($0) } }

    /// Once, to who takes the answer as it comes. False: give up, `failure` is set.
    private func giveHead() -> Bool {
        guard !isHeadGiven, head.isComplete, let status = head.status else { return true }
        isHeadGiven = true
        switch outcome {
        case .stream(let buffer): buffer.receiveHead(StreamHead(status: status, headers: head.headers))
        case .received(let receiver, _):
            defer { noteActivity() }
            return isGoingOn(receiver.begin(status: status, headers: head.headers))
        case .whole, nil: break
        }
        return true
    }

    private func isGoingOn(_ isTaken: Bool) -> Bool {
        if !isTaken { failure = error(.cancelled, "whoever took the answer gave up") }
        return isTaken
    }

    /// Tells the outcome, once. Nil: libcurl is content.
    func finish(_ error: HTTPClientError?) {
        var error = error ?? (head.isComplete ? nil : self.error(.broken, "the connection ended within the headers"))
        if error == nil, !giveHead() { error = failure }
        let outcome = self.outcome
        self.outcome = nil
        switch outcome {
        case nil: break
        case .stream(let buffer): buffer.finish(error)
        case .received(_, let completion): completion(error.map { .failure($0) } ?? .success(()))
        case .whole(let completion):
            if let error { return completion(.failure(error)) }
            completion(.success(HTTPClientResponse(status: head.status ?? 0, headers: head.headers, body: body)))
        }
    }
}
