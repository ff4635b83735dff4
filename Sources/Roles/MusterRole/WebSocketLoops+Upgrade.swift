package import MusterHTTP
package import MusterWebSocket

extension WebSocketLoops {
    /// Takes over a connection as the server hands it over. `owner`: whose it is, as its `WebSocket` says then.
    package func adopt(_ line: HTTPUpgrade.Line, of owner: Int64 = 0) -> WebSocket {
        let out = line.out.map { WebSocketOut(descriptor: $0.descriptor, send: $0.send, flush: $0.flush) }
        return adopt(line.descriptor, out: out, of: owner, early: line.early, release: line.release)
    }
}
