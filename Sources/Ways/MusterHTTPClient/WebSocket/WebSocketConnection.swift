internal import MusterSystem
internal import Synchronization

/// A client's WebSocket: texts both ways, and bytes to the other end. Any thread may write; nothing waits. One reader. Dropping it closes it.
package final class WebSocketConnection: Sendable {
    package struct Settings: Sendable {
        /// Once connected, the answer to the handshake may take so long.
        package var handshakeTime: Duration = .seconds(10)
        /// After so long without a byte it asks whether the other end is there.
        package var quietTime: Duration = .seconds(5)
        /// After so long without a byte it is broken; more than `quietTime`.
        package var silenceTime: Duration = .seconds(15)
        /// After a close of this end all that waits has to be sent, and the close answered, within so long.
        package var closeTime: Duration = .seconds(2)
        /// Of a message that is received; a longer one ends the connection with 1009.
        package var messageBytesMax = 1 << 20
        package init() {}
    }

    /// Why it is over.
    package struct Ending: Equatable, Sendable {
        /// Of the close that the other end sent (RFC 6455, 7.4); nil: none came.
        package var code: Int?
        package var reason: String
    }

    private let post: WebSocketPost

    private init(_ post: WebSocketPost) { self.post = post }

    deinit { post.close(1000) }

    static func open(
        _ request: HTTPClientRequest, _ configuration: HTTPClient.Configuration, _ settings: Settings
    ) async throws -> WebSocketConnection {
        let post = WebSocketPost()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                post.awaitOpening(continuation)
                let code = startThread { WebSocketThread(post, settings).run(request, configuration) }
                if code != 0 { post.failed(WebSocketFailure(nil, "there is no thread for it (errno \(code))")) }
            }
        } onCancel: {
            post.abort()
        }
        return WebSocketConnection(post)
    }

    /// The texts that came together, in their order, at least one; nil when it is over. One call at a time. Cancelling the task closes
    /// the WebSocket (1000), and nil comes soon.
    package func next() async -> [[UInt8]]? { await post.next() }

    /// In the place of `next`: `ear` hears what comes, on a thread of the WebSocket, which reads nothing meanwhile. Returns when it is over, or
    /// cancelled, which closes it (1000): `ear` is called no more then.
    package func hear(_ ear: @escaping @Sendable ([[UInt8]]) -> Void) async { await post.hear(ear) }

    /// Queues a message; a text is UTF-8. False when it goes nowhere: it is over, or with it more than 256 KiB would wait.
    package func write(_ bytes: [UInt8], isBinary: Bool = false) -> Bool {
        post.write(.init(bytes: bytes, isBinary: isBinary))
    }

    /// Ends it once what is queued is sent. `code` of RFC 6455, 7.4.
    package func close(_ code: UInt16 = 1000) { post.close(code) }

    /// Ends it without a word.
    package func abort() { post.abort() }

    /// Nil as long as it is open.
    package var ending: Ending? { post.ending }
}

/// Why there is no WebSocket.
package struct WebSocketFailure: Error, CustomStringConvertible {
    /// Of the answer to its handshake; nil: none came.
    package let status: Int?
    /// There was a connection, and nothing came over it.
    package let isHung: Bool
    package let description: String

    init(_ status: Int?, isHung: Bool = false, _ description: String) {
        (self.status, self.isHung, self.description) = (status, isHung, description)
    }
}
