package import MusterCore
package import MusterHTTP
package import MusterRole
package import MusterRoutes
package import MusterStore
package import MusterWire

package typealias RouteHandler = @Sendable (HTTPRequest) throws -> HTTPOutcome

/// One subject of the coordinator: its routes, and what is to be done for it beside them. Its slice of state is private to it; what
/// it asks of another service is a protocol in its initialiser.
package protocol Service: AnyObject, Sendable {
    /// Of each of its routes, who answers.
    var routes: [RouteName: RouteHandler] { get }
    func addMetrics(to page: inout MetricsPage, _ fleet: borrowing Fleet)
    /// Ten times a second, under the lock.
    func tick(_ now: Moment, _ fleet: inout Fleet)
    /// At the end: whoever waits gets an answer.
    func close(_ fleet: inout Fleet)
}

extension Service {
    package var routes: [RouteName: RouteHandler] { [:] }
    package func addMetrics(to page: inout MetricsPage, _ fleet: borrowing Fleet) {}
    package func tick(_ now: Moment, _ fleet: inout Fleet) {}
    package func close(_ fleet: inout Fleet) {}
}

/// What all services have.
package struct Common: Sendable {
    package let lock: FleetLock
    package let store: any Store
    package let health: StoreHealth
    package let authenticator: Authenticator
    package let events: EventHub

    package init(lock: FleetLock, store: any Store, authenticator: Authenticator) {
        (self.lock, self.store, self.authenticator) = (lock, store, authenticator)
        health = StoreHealth(store)
        events = EventHub()
    }
}

extension HTTPRequest {
    /// Such a body is read on a thread of the pool, so that the HTTP thread goes on serving others.
    package var isLarge: Bool { body.count > 64 << 10 }

    /// A positive number in the path, or a 404: what is not a number names nothing.
    package func number(_ parameter: String, of what: String) throws(Problem) -> Int64 {
        let text = parameters[parameter] ?? ""
        guard let number = Int64(text), number > 0, String(number) == text else {
            throw Problem(404, "There is no \(what) \"\(text.prefix(80))\"; ids are whole numbers from 1.")
        }
        return number
    }
}

extension Problem {
    package static func notStored(_ error: StoreError) -> Problem {
        let status = error.code == .full ? 507 : 503
        return Problem(
            status, "\(error.mayBeStored ? "Perhaps not stored" : "Not stored"): \(error.message)", code: "store",
            retryAfter: error.isRetryable ? 5 : nil)
    }

    /// Of whatever went wrong.
    package static func of(_ error: any Error) -> Problem {
        if let problem = error as? Problem { return problem }
        if let error = error as? StoreError { return notStored(error) }
        return Problem(503, "\(error)", retryAfter: 5)
    }
}
