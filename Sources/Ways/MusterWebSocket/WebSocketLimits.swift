/// Bounds of what one client may do.
package struct WebSocketLimits: Sendable {
    /// Of a message; a longer one ends the connection with 1009.
    package var messageBytesMax = 64 << 10
    /// Whether messages may be other than text; where not, one ends it with 1003.
    package var takesBinary = false
    /// Above so many bytes that wait for one that does not read, it is cut off: 1008, which it does not hear.
    package var unreadBytesMax = 256 << 10
    /// Pings and pongs between two looks, a second apart; more end it with 1008.
    package var controlsMax = 64
    /// Messages between two looks; more end it with 1008.
    package var messagesMax = 10_000
    /// A frame or a message that has begun may take so long; then 1008.
    package var frameSeconds = 30
    /// After a close of this end the other has so long to answer it; then the connection is cut.
    package var closeSeconds = 5
    /// The codes of RFC 6455, 7.4.1, with which a connection ends for what its client did; 1006: it did not answer a close.
    package static let faults = [1002, 1003, 1006, 1007, 1008, 1009]

    package init() {}
}
