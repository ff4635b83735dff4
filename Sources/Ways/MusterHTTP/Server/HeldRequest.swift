/// A request whose connection is held until somebody answers it.
package final class HeldRequest: Sendable {
    private let exchange: Exchange

    init(_ exchange: Exchange) { self.exchange = exchange }

    /// Any thread; the first answer counts, later ones are ignored, as are answers to clients that are gone. Only queues:
    /// nothing is called back from inside.
    package func respond(_ response: HTTPResponse) { exchange.answer(response) }

    /// Called once, from the watcher's thread, when the client goes away before it was answered. When it is gone already,
    /// called soon, never inside this call.
    package func onDisconnect(_ handler: @escaping @Sendable () -> Void) { exchange.onDisconnect(handler) }
}
