/// What a client sent, whole.
package struct WebSocketMessage: Sendable {
    package let socket: WebSocket
    /// UTF-8, unless it is binary.
    package let bytes: [UInt8]
    package let isBinary: Bool
}

/// Who hears what comes.
package protocol WebSocketAudience: Sendable {
    /// All that came at one time, in the order of each socket. On the loop's thread: others wait meanwhile.
    func take(_ messages: [WebSocketMessage])
    /// A connection was ended for what its client did: one of `WebSocketLimits.faults`, and why.
    func wasEnded(code: Int, _ reason: String)
}
