internal import CCurl
internal import Glibc

/// A connection as libcurl opens it, with its proxies, its TLS and the bounds of a request; then bytes as they are. For one thread.
///
/// A plain URL goes through a proxy's tunnel (CONNECT), too: what is no request is nothing for a proxy to look at.
final class CurlConnection {
    /// To be waited for; neither read nor written by others.
    let descriptor: CInt
    private let easy = EasyHandle()
    /// libcurl's callbacks have it unretained.
    private let transfer: Transfer

    /// Blocks until it is open. Throws as an exchange does that finds no connection.
    init(_ request: HTTPClientRequest, _ configuration: HTTPClient.Configuration) throws(HTTPClientError) {
        precondition(TransferEngine.isLibraryReady, "curl_global_init failed")
        if let defect = request.defect { throw defect }
        var request = request
        request.connectsOnly = true
        transfer = Transfer(request)
        try easy.prepare(transfer, configuration)
        easy.set(CURLOPT_HTTPPROXYTUNNEL, 1)
        let code = curl_easy_perform(easy.pointer)
        guard code == CURLE_OK else {
            throw transfer.failure ?? easy.failure(of: transfer, code, configuration)
        }
        var socket = curl_socket_t(CURL_SOCKET_BAD)
        muster_curl_get_socket(easy.pointer, CURLINFO_ACTIVESOCKET, &socket)
        descriptor = socket
        guard socket != CURL_SOCKET_BAD else { throw transfer.error(.broken, "the connection ended at once") }
    }

    deinit { curl_slist_free_all(transfer.headerList) }

    enum Step: Equatable {
        case moved(Int)
        /// Not now: wait for the descriptor.
        case later
        case over
    }

    func receive(into room: UnsafeMutableRawBufferPointer) -> Step {
        var count = 0
        switch curl_easy_recv(easy.pointer, room.baseAddress, room.count, &count) {
        case CURLE_OK: return count == 0 ? .over : .moved(count)
        case CURLE_AGAIN: return .later
        default: return .over
        }
    }

    func send(_ bytes: UnsafeRawBufferPointer) -> Step {
        var count = 0
        switch curl_easy_send(easy.pointer, bytes.baseAddress, bytes.count, &count) {
        case CURLE_OK: return .moved(count)
        case CURLE_AGAIN: return .later
        default: return .over
        }
    }
}
