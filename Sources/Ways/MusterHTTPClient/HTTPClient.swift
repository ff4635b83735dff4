package import MusterCore
internal import Synchronization

/// An HTTP/1.1 client over libcurl: kept-alive connections, cancellation, streams, unix sockets, one thread of its own.
///
/// Duties of its holder, in order: keep it as long as exchanges run (dropping it is `close()`); keep completions short, as they
/// run on its thread; `close()` it. Any thread may call it.
///
/// Proxies: the environment's `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` are obeyed as curl(1) does, except for
/// loopback hosts and unix sockets, which are always spoken to directly; `usesProxies = false` ignores them for all.
/// `Expect: 100-continue` is sent only with bodies above 1 MiB or of unknown length, where a refusal saves the sending, and only
/// where the request wants it. Names are looked up anew after a second.
package final class HTTPClient: Sendable {
    package struct Configuration: Sendable {
        /// Connections to one host and port, busy and idle, 1 or more. Exchanges above it wait, and their timeouts run.
        package var connectionsPerHostMax: Int
        /// Connections in all, busy and idle, 1 or more. Exchanges above it wait.
        package var connectionsMax: Int
        /// Exchanges submitted and not ended, 1 or more; above it submission fails with `.other`, retryable.
        package var exchangesMax: Int
        /// PEM file of the certificate authorities to trust. Nil: the system's.
        package var tlsCAFile: String?
        /// Accepts any certificate of any host: for tests only.
        package var tlsInsecure: Bool
        /// Whether the environment's proxies are used for hosts that are not loopback.
        package var usesProxies: Bool
        package var userAgent: String
        /// Asked of each address before a connection is opened, whatever name led to it; false: there is none. Nil: any will do.
        package var mayConnect: (@Sendable (IPAddress) -> Bool)?

        package init(
            connectionsPerHostMax: Int = 256, connectionsMax: Int = 1024, exchangesMax: Int = 16_384,
            tlsCAFile: String? = nil, tlsInsecure: Bool = false, usesProxies: Bool = true, userAgent: String = "muster"
        ) {
            precondition(connectionsPerHostMax >= 1 && connectionsMax >= 1 && exchangesMax >= 1)
            self.connectionsPerHostMax = connectionsPerHostMax
            self.connectionsMax = connectionsMax
            self.exchangesMax = exchangesMax
            self.tlsCAFile = tlsCAFile
            self.tlsInsecure = tlsInsecure
            self.usesProxies = usesProxies
            self.userAgent = userAgent
        }
    }

    /// Bounds of an answer's header, the first line and the empty one among its lines; past them the exchange fails with `.tooLarge`.
    package static let headLinesMax = ResponseHead.linesMax
    package static let headBytesMax = ResponseHead.bytesMax

    private let engine: TransferEngine

    package init(_ configuration: Configuration = .init()) {
        engine = TransferEngine(configuration)
        engine.start()
    }

    deinit { engine.close() }

    /// The whole response. Throws `HTTPClientError`; cancelling the task aborts the transfer and throws `.cancelled`.
    package func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        let transfer = Transfer(request)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                transfer.outcome = .whole { continuation.resume(with: $0) }
                engine.submit(transfer)
            }
        } onCancel: {
            engine.cancel(transfer)
        }
    }

    /// As above without a task. `completion` runs exactly once, never inside the call, on the client's thread (or in a task,
    /// when the request cannot be taken): it must not block, and may send further requests.
    @discardableResult
    package func send(
        _ request: HTTPClientRequest,
        completion: @escaping @Sendable (Result<HTTPClientResponse, HTTPClientError>) -> Void
    ) -> HTTPTransfer {
        let transfer = Transfer(request)
        transfer.outcome = .whole(completion)
        return submit(transfer)
    }

    /// The transfer has its outcome set.
    func submit(_ transfer: Transfer) -> HTTPTransfer {
        engine.submit(transfer)
        return HTTPTransfer(transfer, engine)
    }

    /// Returns when status and headers are in; the body follows by `next()`. Throws as `send` does.
    package func stream(_ request: HTTPClientRequest) async throws -> HTTPClientStream {
        let buffer = StreamBuffer()
        let transfer = Transfer(request)
        transfer.outcome = .stream(buffer)
        let handle = HTTPTransfer(transfer, engine)
        let head = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                buffer.awaitHead(continuation)
                engine.submit(transfer)
            }
        } onCancel: {
            handle.cancel()
        }
        return HTTPClientStream(head: head, buffer: buffer, transfer: handle)
    }

    /// Gives the answer to `receiver` as it comes, and returns at its end. Throws as `send` does; `.cancelled`, too, where the receiver
    /// gives up. For long bodies that go elsewhere: nothing of them waits anywhere.
    package func send(_ request: HTTPClientRequest, to receiver: any BodyReceiver) async throws {
        let transfer = Transfer(request)
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                transfer.outcome = .received(receiver) { continuation.resume(with: $0) }
                engine.submit(transfer)
            }
        } onCancel: {
            engine.cancel(transfer)
        }
    }

    /// A WebSocket (RFC 6455) on a connection of its own, with a thread of its own, which ends with it and not with this client. The
    /// request is a GET without a body; through a proxy it goes by CONNECT. Throws `WebSocketFailure`; cancelling the task throws it too.
    package func openWebSocket(
        _ request: HTTPClientRequest, _ settings: WebSocketConnection.Settings = .init()
    ) async throws -> WebSocketConnection {
        try await WebSocketConnection.open(request, engine.configuration, settings)
    }

    /// Fails what is outstanding with `.cancelled`, as everything submitted later, and ends the thread; returns at once.
    package func close() { engine.close() }
}

/// A running exchange, to be cancelled. Dropping it changes nothing.
package final class HTTPTransfer: Sendable {
    private let transfer: Transfer
    private let engine: TransferEngine

    init(_ transfer: Transfer, _ engine: TransferEngine) {
        self.transfer = transfer
        self.engine = engine
    }

    /// Ends the exchange with `.cancelled` soon after; nothing when it has ended.
    package func cancel() { engine.cancel(transfer) }

    /// Takes reading up again after a stream's buffer was full.
    func resumeReceiving() { engine.resumeReceiving(transfer) }
}
