/// Why the coordinator ends a member's WebSocket, by the codes of RFC 6455, 7.4, that say so.
package enum LineEnding: UInt16, Sendable {
    /// The coordinator itself ends.
    case shutdown = 1001
    /// Another connection of the same member took its place.
    case replaced = 4000
    /// The member is none any more.
    case gone = 4001

    package var reason: String {
        switch self {
        case .shutdown: "The coordinator ends."
        case .replaced: "Another connection of this member took its place."
        case .gone: "Not in the fleet any more; join again."
        }
    }
}
