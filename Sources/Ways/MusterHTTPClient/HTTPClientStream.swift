internal import HTTPText

/// A response whose body is read while it arrives: by one reader, in order, each byte once.
///
/// At most about 1 MiB waits to be read; then the server is held back. Dropping the stream cancels the transfer.
package final class HTTPClientStream: Sendable {
    package let status: Int
    package let headers: [(name: String, value: String)]
    private let buffer: StreamBuffer
    private let transfer: HTTPTransfer

    init(head: StreamHead, buffer: StreamBuffer, transfer: HTTPTransfer) {
        status = head.status
        headers = head.headers
        self.buffer = buffer
        self.transfer = transfer
    }

    deinit { transfer.cancel() }

    /// The first header of that name, whatever its case. Nil: there is none.
    package func header(_ name: String) -> String? { headers.first(named: name) }

    /// The next bytes, never empty; nil at the end of a whole body. Throws `HTTPClientError`, after the bytes that came before a
    /// break; cancelling the task cancels the transfer. One call at a time.
    package func next() async throws -> [UInt8]? {
        switch buffer.next(nil) {
        case .wait: break
        case let settled: return try settle(settled)
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let portion = buffer.next(continuation)
                if case .wait = portion { return }
                continuation.resume(with: Result { try settle(portion) })
            }
        } onCancel: {
            transfer.cancel()
        }
    }

    private func settle(_ portion: StreamBuffer.Portion) throws -> [UInt8]? {
        switch portion {
        case .chunk(let chunk, let mayResume):
            if mayResume { transfer.resumeReceiving() }
            return chunk
        case .failed(let error): throw error
        case .end, .wait: return nil
        }
    }

    /// Ends the transfer; the reader gets `.cancelled`, unless the body is whole already.
    package func cancel() { transfer.cancel() }
}
